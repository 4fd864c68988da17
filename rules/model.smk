if RUN.makes_base:

    rule prepare_model:
        """Make the model's Hugging Face folder once: a converted GGUF file, or a pinned snapshot of the hub."""
        output:
            RUN.base_file,
            RUN.base_parts,
        log:
            f"{RUN.base}.log",
        priority: 10
        conda:
            ENVIRONMENT
        resources:
            mem_mb=4000,
            runtime=30,
        params:
            model=SETTINGS.base_model(),
            file=lambda wildcards: RUN.base_fingerprint(),
        message:
            f"model: preparing {RUN.config.model.name}"
        script:
            "../workflow/scripts/prepare_model.py"


if RUN.tunes_model:

    rule tune_refusal:
        """Teach the model a refusal habit once, so that ablation has something to remove."""
        input:
            BASE,
            RUN.base_parts,
        output:
            RUN.model_file,
            RUN.model_parts,
        log:
            f"{RUN.model}.log",
        priority: 10
        conda:
            ENVIRONMENT
        threads: 2
        resources:
            mem_mb=6000,
            runtime=30,
        params:
            **SETTINGS.tuning(),
        message:
            f"model: teaching {RUN.config.model.name} to refuse"
        script:
            "../workflow/scripts/tune_refusal.py"
