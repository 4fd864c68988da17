"""The library beside a run that has ended: the same direction, the same text, the same labels."""

import pytest
from project import TINY
from steering_reliability import (
    DirectionConfig,
    GenerationConfig,
    build_direction,
    generate,
    load_direction,
    load_model,
    load_results,
    score_text,
)
from steering_reliability.prompts.reading import read_prompts


@pytest.fixture(scope="module")
def run(finished):
    return finished.root / "results" / "tiny"


@pytest.fixture(scope="module")
def model(finished):
    return load_model(finished.root / "model", device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def results(run):
    return load_results(run)


def test_the_run_s_direction_writes_the_run_s_text(run, model, results):
    direction = load_direction(run / "directions" / "contrastive_prefix" / "layer_1.pt", d_model=model.d_model)
    prompts = read_prompts(run / "prompts" / "harm_test.jsonl", split="harm_test")
    sampling = GenerationConfig(**TINY["generation"])
    for intervention, alpha in (("add", 1.0), ("ablate", 1.0)):
        found = generate(
            prompts, model=model, direction=direction, alpha=alpha, intervention=intervention, sampling=sampling
        )
        cell = "split == 'harm_test' and role == 'main' and layer == '1' and alpha == @alpha"
        point = results.query(f"{cell} and intervention == @intervention").set_index("id")
        assert len(found) == len(point) == len(prompts)
        assert [text.completion for text in found] == [point.loc[text.id, "completion"] for text in found]
        for name in ("mean_logprob", "base_logprob", "first_token_kl"):
            wanted = [point.loc[text.id, name] for text in found]
            assert [getattr(text, name) for text in found] == pytest.approx(wanted, rel=1e-4, abs=1e-6)


def test_the_run_s_prompts_build_the_run_s_direction(run, model):
    stored = load_direction(run / "directions" / "contrastive_prefix" / "layer_1.pt")
    prompts = read_prompts(run / "prompts" / "harm_train.jsonl", split="harm_train")
    built = build_direction(prompts, model=model, layer=1, settings=DirectionConfig())
    assert float((built.vector - stored.vector).abs().max()) < 1e-5
    assert built.statistics["n"] == stored.statistics["n"] == len(prompts)
    assert built.resid_norm == pytest.approx(stored.resid_norm, rel=1e-5)


def test_a_text_has_the_label_of_the_results(results):
    assert len(results) > 0
    for _, row in results.iterrows():
        score = score_text(row["completion"], n_tokens=row["n_tokens"], full_length=6)
        assert (score.refusal_label, score.refusal_score) == (row["refusal_label"], row["refusal_score"])
        assert list(score.matched_phrases) == list(row["matched_phrases"])
