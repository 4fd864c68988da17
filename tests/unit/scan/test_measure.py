"""The scan of the tiny model: every layer, the engine's numbers, and random directions of the same length."""

import statistics
from dataclasses import replace

import pytest
import torch
from steering_reliability.directions.build_direction import build_direction
from steering_reliability.directions.files import Activations, read_activations, write_activations
from steering_reliability.errors import InputError
from steering_reliability.generation.engine import Engine
from steering_reliability.generation.requests import CompletionRequest, SteeringRequest
from steering_reliability.generation.rows import rows_of
from steering_reliability.prompts.schema import Prompt, write_prompts
from steering_reliability.scan import measure
from steering_reliability.scan.measure import RANDOM_SEEDS, measure_scan
from steering_reliability.scan.table import read_scan
from tiny_model import planted_direction

SETTINGS = {
    "method": "contrastive_prefix",
    "direction_seed": 0,
    "interventions": ["add"],
    "strengths": [0.4, 0.1],
    "random_directions": 2,
    "seed": 3,
    "alpha_unit": "resid_norm",
    "positions": "after_prompt",
    "openings": ["I'm sorry", "Sure, here"],
    "hook_point": "resid_post",
    "device": "cpu",
    "dtype": "float32",
    "system_prompt": None,
    "chat_template": "auto",
    "prompt_template": None,
}
TEXTS = [f"How do I take {'a step and ' * (at % 4)}item number {at}?" for at in range(12)]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Prompts of both splits, and activations whose difference is the planted direction."""
    folder = tmp_path_factory.mktemp("scan")
    prompts = {}
    for split, texts in (("harm_train", TEXTS), ("benign", TEXTS[:3])):
        prompts[split] = folder / f"{split}.jsonl"
        write_prompts([Prompt(f"{split}_{at}", text, "f", "s") for at, text in enumerate(texts)], path=prompts[split])
    negative = torch.randn(4, 3, 32, generator=torch.Generator().manual_seed(0))
    positive = negative + 2 * planted_direction()
    write_activations(folder / "activations.safetensors", Activations(positive, negative, True))
    return {"activations": folder / "activations.safetensors", "prompts": prompts}


def scan(files, tiny_folder, output, *, own=None, **changes):
    measure_scan(output, folder=tiny_folder, settings=SETTINGS | changes, own=own, **files)
    return read_scan(output)


@pytest.fixture(scope="module")
def rows(files, tiny_folder, tmp_path_factory):
    return scan(files, tiny_folder, tmp_path_factory.mktemp("rows") / "scan.csv")


def test_every_cell_is_there_and_its_size_says_how_many_prompts(rows):
    counts = {(row.direction, row.layer, row.alpha, row.split): row.n for row in rows}
    main = {("main", layer, alpha, "harm_train"): 12 for layer in range(3) for alpha in (0.1, 0.4)}
    random = {(f"random_{i}", layer, 0.4, "harm_train"): 8 for layer in range(3) for i in range(2)}
    benign = {(*key[:3], "benign"): 3 for key in main | random}
    assert counts == main | random | benign


def test_the_numbers_are_those_that_the_engine_measures(rows, files, tiny_model):
    for row in rows:
        if row.alpha != 0.4 or row.direction == "random_1" or row.layer == 1:
            continue
        texts = TEXTS if row.split == "harm_train" else TEXTS[:3]
        if row.direction != "main" and row.split == "harm_train":
            texts = [TEXTS[at * 12 // 8] for at in range(8)]
        main = build_direction(
            read_activations(files["activations"], layer=row.layer),
            layer=row.layer,
            method="random" if row.direction == "random_0" else "contrastive_prefix",
            normalize=True,
            seed=RANDOM_SEEDS + 3 + 1000 * row.layer,
            where="here",
        )
        request = CompletionRequest(
            prompts=[(f"p{at}", text) for at, text in enumerate(texts)],
            samples=1,
            seed=0,
            max_new_tokens=1,
            temperature=0.0,
            top_p=1.0,
            positions="after_prompt",
            openings=SETTINGS["openings"],
        )
        steered = replace(request, steering=SteeringRequest("add", str(row.layer), row.alpha, (row.layer,)))
        found = [
            Engine(tiny_model, hook_point="resid_post", max_rows=16).generate(
                rows_of(one, model=tiny_model, direction=direction)
            )
            for one, direction in ((request, None), (steered, main))
        ]
        propensity = [[one.opening_logprobs[0] - one.opening_logprobs[1] for one in done] for done in found]
        changes = [after - before for before, after in zip(*propensity, strict=True)]
        kl = [one.first_token_kl for one in found[1]]
        assert row.coefficient == pytest.approx(main.coefficient(0.4, intervention="add", unit="resid_norm"), rel=1e-5)
        expected = (statistics.fmean(changes), statistics.stdev(changes), statistics.fmean(kl), statistics.stdev(kl))
        values = (row.propensity_change, row.propensity_change_sd, row.first_token_kl, row.first_token_kl_sd)
        assert values == pytest.approx(expected, abs=1e-4)


def test_a_planted_direction_raises_refusal_more_than_random_ones_do_on_average(files, tiny_folder, tmp_path):
    rows = [row for row in scan(files, tiny_folder, tmp_path / "scan.csv", random_directions=12) if row.alpha == 0.4]
    planted = [row.propensity_change for row in rows if row.direction == "main"]
    random = [row.propensity_change for row in rows if row.direction != "main"]
    # The refusal opening's first token reads the planted direction; 3 layers x 12 x 2 splits leave little to chance.
    assert len(random) == 72
    assert min(planted) > 4 * abs(statistics.fmean(random))


def test_small_passes_give_the_same_numbers(rows, files, tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "TOKENS", 16)
    for one, other in zip(scan(files, tiny_folder, tmp_path / "scan.csv"), rows, strict=True):
        assert one.propensity_change == pytest.approx(other.propensity_change, abs=1e-4)
        assert one.first_token_kl == pytest.approx(other.first_token_kl, abs=1e-4)


def test_a_rerun_gives_the_same_bytes(rows, files, tiny_folder, tmp_path):
    for name in ("first", "second"):
        scan(files, tiny_folder, tmp_path / name, interventions=["add", "add_keep_norm"], strengths=[0.4])
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    kinds = {(row.intervention, row.direction) for row in read_scan(tmp_path / "first")}
    # The band is measured once.
    assert kinds == {("add", "main"), ("add", "random_0"), ("add", "random_1"), ("add_keep_norm", "main")}


def test_layers_without_a_direction_are_left_out(files, tiny_folder, tmp_path, capsys):
    flat = Activations(*(side.clone() for side in _sides(files)), paired=True)
    flat.positive[:, 0] = flat.negative[:, 0]
    write_activations(tmp_path / "flat.safetensors", flat)
    found = scan(files | {"activations": tmp_path / "flat.safetensors"}, tiny_folder, tmp_path / "scan.csv")
    assert {row.layer for row in found} == {1, 2}
    assert "the scan leaves layer 0 out: the direction of layer 0 is zero" in capsys.readouterr().out
    flat.positive[:] = flat.negative
    write_activations(tmp_path / "flat.safetensors", flat)
    with pytest.raises(InputError, match="is zero"):
        scan(files | {"activations": tmp_path / "flat.safetensors"}, tiny_folder, tmp_path / "none.csv")


def test_a_users_own_direction_is_scanned_where_there_is_one(rows, files, tiny_folder, tmp_path):
    torch.save(planted_direction() * 5, tmp_path / "own.pt")
    found = scan(files, tiny_folder, tmp_path / "scan.csv", own={2: str(tmp_path / "own.pt")})
    assert {row.layer for row in found} == {2}
    # It has the direction of the learned one, and strengths in shares of the residual stream.
    learned = [row for row in rows if row.layer == 2 and row.direction == "main"]
    assert [row.propensity_change for row in found if row.direction == "main"] == pytest.approx(
        [row.propensity_change for row in learned], abs=1e-3
    )


def test_a_prompt_beyond_the_context_is_named(files, tiny_folder, tmp_path):
    long = tmp_path / "long.jsonl"
    write_prompts([Prompt("too_long", "word " * 300, "f", "s")], path=long)
    with pytest.raises(InputError, match="too_long"):
        scan(files | {"prompts": files["prompts"] | {"benign": long}}, tiny_folder, tmp_path / "scan.csv")


def _sides(files):
    parts = [read_activations(files["activations"], layer=layer) for layer in range(3)]
    return [torch.cat([getattr(part, side) for part in parts], dim=1) for side in ("positive", "negative")]
