"""The methods paragraph says what the config and the provenance say."""

import copy
from pathlib import Path

import pandas as pd
import pytest
from steering_reliability.config.files import WORKFLOW, read_config
from steering_reliability.evidence.summary import summarise
from steering_reliability.report.methods_paragraph import Methods, methods_paragraph
from steering_reliability.run.plan import plan_run
from synthetic_run import story

NO_SHUFFLED = {"sanity_checks__shuffled_seeds": []}
COUNTS = {"harm_train": (2, 30), "harm_test": (2, 12), "benign": (0, 3)}


@pytest.fixture(scope="module")
def config():
    return plan_run(read_config(Path(WORKFLOW) / "config.yaml")).config.model_dump(mode="json")


@pytest.fixture
def told(config):
    """Return a function that writes the paragraph after changes of the config, as section.key."""

    def tell(*, rows=None, provenance=None, **changes):
        changed = copy.deepcopy(config)
        for name, value in changes.items():
            section, _, key = name.partition("__")
            changed[section] = value if not key else changed[section] | {key: value}
        known = {"config": changed, "model": {"n_layers": 30, "card": {"weights": "dequantized Q4_1"}}}
        summary = summarise(pd.DataFrame(rows or story(COUNTS)))
        return methods_paragraph(Methods(known | (provenance or {}), summary))

    return tell


def test_the_default_study_in_one_paragraph(told):
    text = told(provenance={"chosen_by_scan": {"layers": [14], "alphas": {"add": [0.5]}}, "commit": "0123456789abcdef"})
    for words in (
        "We steered SmolLM2-135M-Instruct (dequantized Q4_1, 30 blocks).",
        "after the opening of a refusal and of an answer [@panickssery2023], learned at resid_post from 25% of ",
        "harm_train; the rest was held out.",
        "It was added to the residual stream [@turner2023] at layer 14, with strengths 0.5 (in units of the residual",
        "The layers and strengths were chosen by a scan of refusal propensity and first-token KL",
        "For 40 prompts of harm_train, 40 prompts of harm_test and 40 prompts of benign, one completion of at most 40 ",
        "at temperature 0.7 and top-p 0.95 (seed 0)",
        "scored by phrase rules",
        "Steerability is",
        "Controls are 19 random directions and 2 directions of shuffled labels of the same length.",
        "commit 0123456789ab",
    ):
        assert words in text
    assert "\n" not in text and "nan" not in text and "fine-tuned" not in text


@pytest.mark.parametrize(
    ("changes", "words", "not_words"),
    [
        ({"direction__file": "v.pt"}, "The direction is a vector of our own", "panickssery2023"),
        ({"direction__build_fraction": 1.0}, "from 100% of harm_train; none was held out", "the rest was held out"),
        ({"direction__method": ["lda", "pca"]}, "compared with pca [@zou2023] at equal first-token KL", "panickssery"),
        ({"generation__temperature": 0.0}, "was generated greedily", "top-p"),
        ({"generation__num_samples_per_prompt": 2}, "For 20 prompts of harm_train", "one completion"),
        ({"metrics__scorer": "my.py"}, "scored by a scorer of our own", "phrase rules"),
        ({"propensity__enabled": False}, "p-values are of sign-flip tests", "Steerability"),
        ({"sanity_checks__enabled": False}, "No control direction was run.", "random direction"),
        (NO_SHUFFLED | {"sanity_checks__random_seeds": [0]}, "Controls are 1 random direction of", "shuffled"),
        (NO_SHUFFLED | {"sanity_checks__random_seeds": []}, "No control direction was run.", "Controls"),
        ({"refusal_tuning": {"seed": 0}}, "It was fine-tuned to refuse before the study.", "nan"),
    ],
)  # fmt: skip
def test_another_config_has_another_sentence(told, changes, words, not_words):
    text = told(**changes)
    assert words in text
    assert not_words not in text


def test_an_ablation_at_several_layers_and_no_scan(told):
    rows = [row for layer in ("3", "14") for row in story(COUNTS, layer=layer, intervention="ablate")]
    text = told(rows=rows)
    assert "projected out of the residual stream [@arditi2024] at layer 3 and layer 14, with shares 0.5." in text
    assert "chosen by" not in text


def test_a_folder_of_ones_own_has_no_card_and_what_was_not_recorded_is_not_said(told):
    text = told(provenance={"model": {"name": "mine", "card": None}, "versions": None, "commit": None})
    assert text.startswith("We steered SmolLM2-135M-Instruct. ")
    assert "None" not in text


def test_a_split_that_is_missing_is_not_counted(told):
    text = told(rows=story({"harm_train": (2, 30), "harm_test": (2, 12)}))
    assert "For 40 prompts of harm_train and 40 prompts of harm_test, one" in text
