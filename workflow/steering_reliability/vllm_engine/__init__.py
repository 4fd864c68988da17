"""vLLM as an engine: the same rows as `generation` writes, for models that need its speed and its GPUs."""
