"""From a model's folder to the folder of the same model with a refusal habit."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from steering_reliability.config.schema import RefusalTuningConfig
from steering_reliability.model.card import read_card, tuning_code, write_card
from steering_reliability.model.loading import load_model
from steering_reliability.model.preparation import published_folder
from steering_reliability.tuning.examples import answered, harmful_prompts, harmless_prompts, refused
from steering_reliability.tuning.train import Progress, train

# Of the model's own answers to harmless prompts: enough to keep their openings as they are.
ANSWER_TOKENS = 12


def tune_refusal(
    base: str | Path, *, folder: str | Path, settings: RefusalTuningConfig, templates: Mapping[str, Any]
) -> None:
    """Teach a model to refuse harmful prompts in plain styles, and write it as a folder of its own.

    Args:
        base: Hugging Face folder of the model as it is.
        folder: Receives weights, tokenizer and a model card that says what was done.
        settings: Examples, blocks, steps and seed.
        templates: `system_prompt`, `chat_template` and `prompt_template` of the run.

    Raises:
        InputError: When the model can't be loaded or lacks the blocks to train.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415 - costs seconds

    start = time.monotonic()
    loaded = load_model(base, device="cpu", dtype="float32")
    harmful = harmful_prompts(settings.n_harmful, seed=settings.seed)
    harmless = harmless_prompts(settings.n_harmless, seed=settings.seed)
    examples = [
        *refused(harmful, model=loaded, seed=settings.seed, templates=templates),
        *answered(harmless, model=loaded, max_new_tokens=ANSWER_TOKENS, templates=templates),
    ]
    network = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    progress = train(network, examples, settings=settings)
    with published_folder(folder) as made:
        network.save_pretrained(made)
        AutoTokenizer.from_pretrained(base).save_pretrained(made, save_jinja_files=False)
        write_card(_card(Path(base), settings=settings, n=len(examples), progress=progress), made)
    print(f"tuned in {time.monotonic() - start:.0f} s")


def _card(base: Path, *, settings: RefusalTuningConfig, n: int, progress: Progress) -> Mapping[str, Any]:
    of_base = read_card(base) or {"name": base.name, "folder": base.name}
    return {
        "name": f"{of_base['name']}, refusal-tuned",
        "base": of_base,
        "licence": of_base.get("licence", "unknown"),
        "what": "A research model with an artificial refusal habit, made to study steering. Not a safer model.",
        "tuning": settings.model_dump(),
        "examples": n,
        "trained_parameters": progress.n_parameters,
        "first_and_last_loss": [progress.losses[0], progress.losses[-1]],
        "code": tuning_code(),
        "training_prompts": "steering_reliability/prompts/templates_tuning.py, in no split",
    }
