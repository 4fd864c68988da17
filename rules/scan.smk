if RUN.scans:
    MAIN = RUN.config.direction.main_method
    OWN = RUN.own_directions()
    SCANNING = "ask_for_scan" if IS_SERVED else "scan_layers"

    rule prepare_scan_prompts:
        """Hold back the prompts of the scan, which the study doesn't use."""
        input:
            lambda wildcards: prompt_file(wildcards.split),
        output:
            f"{R}/scan/{{split}}.jsonl",
        log:
            f"{R}/logs/scan/{{split}}.log",
        priority: 20
        localrule: True
        conda:
            ENVIRONMENT
        params:
            parting=lambda wildcards: RUN.parting(wildcards.split) | {"limit": RUN.config.scan.max_prompts_per_split},
            prompts=lambda wildcards: RUN.scan_digest(wildcards.split),
            code=code_of("prepare_scan_prompts"),
        message:
            "scan: holding back prompts of {wildcards.split}"
        script:
            "../workflow/scripts/prepare_scan_prompts.py"

    rule scan_layers:
        """Measure what the direction does to the first tokens, at every layer and beside random directions."""
        input:
            **MODEL,
            activations=f"{R}/activations/{RUN.directions[MAIN].activations}.safetensors",
            harm_train=f"{R}/scan/harm_train.jsonl",
            benign=f"{R}/scan/benign.jsonl",
            own=[local(path) for path in OWN.values()],
        output:
            f"{R}/scan/scan.csv",
        log:
            f"{R}/logs/scan/scan_layers.log",
        priority: 5
        conda:
            SERVING
        # Alone, as the activations are.
        threads: 64
        resources:
            **(WORKER if IS_SERVED else gpu_resources(RUN)),
            clients=64,
            mem_mb=lambda wildcards, attempt: activations_mb(RUN, attempt=attempt),
            runtime=60,
        params:
            **SERVED_BY,
            settings=SETTINGS.scan(),
            own_layers=list(OWN),
            code=code_of(SCANNING),
        message:
            "scan: steering every layer"
        script:
            f"../workflow/scripts/{SCANNING}.py"

    checkpoint choose_from_scan:
        """Choose the layers and strengths that the config leaves to the scan."""
        input:
            rules.scan_layers.output[0],
        output:
            RUN.chosen_file,
        log:
            f"{R}/logs/scan/choose_from_scan.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            **RUN.choice(),
            scan=RUN.reservation(),
            code=code_of("choose_from_scan"),
        script:
            "../workflow/scripts/choose_from_scan.py"

    rule draw_scan:
        """The scan's figure, as PNG, SVG and PDF."""
        input:
            scan=rules.scan_layers.output[0],
            chosen=RUN.chosen_file,
        output:
            reported(f"{R}/figures/scan.png", "Figures"),
            f"{R}/figures/scan.svg",
            f"{R}/figures/scan.pdf",
        log:
            f"{R}/logs/scan/draw_scan.log",
        conda:
            ENVIRONMENT
        resources:
            **LIGHT,
        params:
            title=RUN.title,
            target_kl=RUN.config.experiment.target_kl,
            widths=RUN.config.report.figure_width,
            code=code_of("draw_scan"),
        script:
            "../workflow/scripts/draw_scan.py"


rule scan:
    """Target: the scan of all layers, and what it chooses."""
    input:
        lambda wildcards: RUN.scan_files() or no_scan(),
