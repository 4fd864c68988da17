if RUN.makes_model:

    rule prepare_model:
        """Make the model's Hugging Face folder once: a converted GGUF file, or a pinned snapshot of the hub."""
        output:
            RUN.model_file,
        log:
            f"{RUN.model}.log",
        benchmark:
            f"{RUN.model}.benchmark.tsv"
        priority: 10
        conda:
            "../envs/steering.yaml"
        resources:
            mem_mb=4000,
            runtime=30,
        params:
            model=RUN.model_settings(),
        message:
            "model: preparing {params.model[name]}"
        script:
            "../workflow/scripts/prepare_model.py"
