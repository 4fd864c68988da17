"""The engine writes what a slow one-row reference writes, whatever else is in its batch."""

import math
import random
from dataclasses import replace
from functools import partial

import pytest
import torch
from plain_model import load_plain_model
from slow_reference import FORMULAS, score_slowly, write_slowly
from some_rows import PROMPTS, everything, make_request, make_row
from steering_reliability.directions.files import StoredDirection
from steering_reliability.errors import InputError
from steering_reliability.generation.engine import Engine
from steering_reliability.generation.requests import SteeringRequest
from steering_reliability.generation.rows import Row, rows_of

POSITIONS = ("all", "prompt", "last_prompt_token", "after_prompt", "generated", "first_generated_token")


@pytest.fixture(scope="module")
def plain(tiny_folder):
    return load_plain_model(tiny_folder)


def mixed_rows(model) -> list[Row]:
    """Rows of different lengths, layer sets, interventions, positions and temperatures, the baseline among them."""
    kinds = [
        {"positions": "after_prompt"},
        {"layer": 0, "add": 2.0, "positions": "all", "temperature": 0.8, "top_p": 0.9},
        {"layer": model.n_layers - 1, "add": 1.0, "positions": "generated", "temperature": 1.0},
        {"layer": model.n_layers // 2, "ablate": 1.0, "positions": "after_prompt"},
        {"layer": model.n_layers // 2, "ablate": 0.5, "positions": "prompt", "temperature": 0.7, "top_p": 0.95},
        {"layer": 0, "add": -1.5, "positions": "last_prompt_token", "temperature": 1.3},
        {"layer": (0, 1), "add": 2.0, "keep_norm": True, "positions": "after_prompt", "temperature": 0.9},
        {"layer": range(model.n_layers), "add": 0.5, "ablate": 1.0, "positions": "generated"},
    ]
    kinds += [kind | {"openings": ((5, 7, 9), (4,))} for kind in kinds[:3]]
    return [
        make_row(model, prompt, key=(prompt, at), new_tokens=10 - at % 3, **kind)
        for prompt in PROMPTS
        for at, kind in enumerate(kinds)
    ]


# One block, two that are neighbours with directions of their own, and all with the first one's.
LAYER_SETS = ((1,), (0, 1), "all")
# Lengths along directions of their own, in a residual stream about 2 long; shares; and nothing.
STRENGTHS = {"add": 2.0, "add_keep_norm": -3.0, "ablate": 1.0, "ablate_affine": 0.8, "clamp": 1.5}


def rows_and_formulas(model, *, positions: str, openings: list[str]):
    """Rows of every intervention at every set of layers, the baseline among them, and what their blocks do."""
    generator = torch.Generator().manual_seed(5)
    directions = [
        StoredDirection(torch.randn(model.d_model, generator=generator), 1.0, 0.7, {"mean_projection_complying": mean})
        for mean in (0.4, -0.9, 0.1)
    ]
    units = [(one.vector.double() / one.vector.double().norm()).float() for one in directions]
    usual = {"positions": positions, "samples": 1, "max_new_tokens": 5, "temperature": 0.0, "openings": openings}
    (bare,) = rows_of(make_request(["Tell me."], **usual), model=model, direction=None)
    found = [(bare, None)]
    for at, (intervention, strength) in enumerate(STRENGTHS.items()):
        for blocks in LAYER_SETS:
            prompt = PROMPTS[(at + len(blocks)) % len(PROMPTS)]
            asked = make_request(
                [prompt], **usual | {"temperature": 0.9 * (at % 2), "openings": openings if blocks == "all" else None}
            )
            asked = replace(asked, steering=SteeringRequest(intervention, "any", strength, blocks))
            given = directions[:1] if blocks == "all" else [directions[block] for block in blocks]
            (row,) = rows_of(asked, model=model, direction=given)
            size = strength if intervention.startswith("ablate") else 0.7 * strength
            which = {block: 0 for block in range(model.n_layers)} if blocks == "all" else {one: one for one in blocks}
            changes = {
                block: partial(
                    FORMULAS[intervention],
                    u=units[own],
                    **{"a" if intervention.startswith("ablate") else "c": size},
                    m=directions[own].statistics["mean_projection_complying"],
                )
                for block, own in which.items()
            }
            found.append((row, changes))
    return found


@pytest.mark.parametrize("hook_point", ["resid_pre", "resid_post", "resid_both"])
@pytest.mark.parametrize("positions", POSITIONS)
def test_every_intervention_at_every_set_of_layers_agrees_with_the_slow_reference(
    tiny_model, plain, positions, hook_point
):
    openings = ["I'm sorry", "Sure, here is how"]
    expected = rows_and_formulas(tiny_model, positions=positions, openings=openings)
    found = Engine(tiny_model, hook_point=hook_point, max_rows=16).generate([row for row, _ in expected])
    for (row, changes), completion in zip(expected, found, strict=True):
        how = {"hook_point": hook_point, "changes": changes}
        slow = write_slowly(plain, row, end_tokens=tiny_model.end_tokens, **how)
        assert (completion.tokens, completion.finish_reason) == (slow.tokens, slow.finish_reason)
        for name in ("mean_logprob", "mean_entropy", "first_token_kl", "base_logprob"):
            assert getattr(completion, name) == pytest.approx(getattr(slow, name), abs=1e-4), name
        scores = [score_slowly(plain, row, opening, **how) for opening in row.openings]
        assert completion.opening_logprobs == pytest.approx(scores, abs=1e-4)


@pytest.mark.parametrize("hook_point", ["resid_pre", "resid_post"])
def test_strength_zero_is_the_baseline_to_the_bit(tiny_model, hook_point):
    drawn = {"temperature": 0.9, "top_p": 0.95, "new_tokens": 16}
    baseline = [make_row(tiny_model, prompt, **drawn) for prompt in PROMPTS]
    inert = [
        make_row(tiny_model, prompt, layer=layer, positions=positions, **drawn)
        for prompt in PROMPTS
        for layer in range(3)
        for positions in POSITIONS
    ]
    engine = Engine(tiny_model, hook_point=hook_point, max_rows=64)
    expected = {completion.row.tokens: everything(completion) for completion in engine.generate(baseline)}
    for completion in engine.generate(inert):
        assert everything(completion) == expected[completion.row.tokens]
        assert completion.first_token_kl == 0.0


def test_a_row_that_is_not_scored_is_the_same_but_for_its_score_and_so_is_its_company(tiny_model):
    scored = mixed_rows(tiny_model)
    rows = [replace(row, is_scored=at % 2 == 1) for at, row in enumerate(scored)]
    engine = Engine(tiny_model, hook_point="resid_post", max_rows=16)
    for one, whole in zip(engine.generate(rows), engine.generate(scored), strict=True):
        if one.row.is_unsteered:
            # The baseline has its score for nothing.
            assert one.base_logprob == one.mean_logprob < 0
        assert math.isnan(one.base_logprob) is not (one.row.is_scored or one.row.is_unsteered)
        if math.isnan(one.base_logprob):
            one.base_logprob = whole.base_logprob
        assert everything(one) == everything(whole)
    assert engine.idle


def test_a_row_does_not_depend_on_its_company(tiny_model):
    """Alone, beside others, in another order, in a smaller batch and on other threads: the same bits."""
    rows = mixed_rows(tiny_model)

    def write(chosen: list[Row], *, max_rows: int) -> dict:
        done = Engine(tiny_model, hook_point="resid_post", max_rows=max_rows).generate(chosen)
        return {completion.row.key: everything(completion) for completion in done}

    together = write(rows, max_rows=64)
    assert len(set(together.values())) > len(rows) // 2
    for row in rows[:: len(rows) // 2]:
        assert write([row], max_rows=64) == {row.key: together[row.key]}
    assert write(rows[::-1], max_rows=64) == together
    assert write(rows, max_rows=8) == together
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2 if threads == 1 else 1)
        few = write(sorted(rows, key=lambda row: len(row.tokens))[:4], max_rows=64)
        assert few == {key: together[key] for key in few}
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("max_rows", [8, 96])
def test_hundreds_of_rows_that_come_at_random_are_what_each_shard_writes_alone(tiny_model, max_rows):
    chance = random.Random(max_rows)
    kinds = [
        {},
        {"layer": 0, "add": 2.0, "positions": "all"},
        {"layer": 1, "add": -1.0, "positions": "after_prompt", "openings": ((5, 7, 9), (4,))},
        {"layer": 2, "ablate": 1.0, "positions": "generated"},
    ]
    shards = [
        [
            make_row(
                tiny_model,
                "word " * chance.randint(0, 30) + f"Say {shard} and {at}.",
                key=(shard, at),
                new_tokens=chance.randint(1, 12),
                temperature=chance.choice([0.0, 0.8]),
                top_p=chance.choice([0.9, 1.0]),
                **kinds[shard % 4],
            )
            for at in range(max_rows // 4)
        ]
        for shard in range(10)
    ]
    expected = {}
    for shard in shards:
        for completion in Engine(tiny_model, hook_point="resid_post", max_rows=32).generate(shard):
            expected[completion.row.key] = everything(completion)
    waiting = chance.sample([row for shard in shards for row in shard], 10 * (max_rows // 4))
    engine, found = Engine(tiny_model, hook_point="resid_post", max_rows=max_rows), {}
    while waiting or not engine.idle:
        if waiting and (engine.idle or chance.random() < 0.3):
            count = chance.randint(1, 2 * max_rows // 3)
            engine.submit(waiting[:count])
            del waiting[:count]
        done = engine.step()
        assert not {completion.row.key for completion in done} & found.keys()
        found |= {completion.row.key: everything(completion) for completion in done}
    assert found == expected


def test_forgetting_every_prompt_costs_time_only(tiny_model):
    rows = mixed_rows(tiny_model)
    keeping, forgetting = (Engine(tiny_model, hook_point="resid_post", max_rows=16) for _ in range(2))
    forgetting.store.budget = 0
    assert [everything(done) for done in keeping.generate(rows)] == [
        everything(done) for done in forgetting.generate(rows)
    ]


@pytest.mark.parametrize("room", [0, 3])
def test_an_end_token_ends_a_completion_at_the_last_allowed_token_too(tiny_model, plain, room):
    for number in range(16):
        long = make_row(tiny_model, f"Tell me about number {number}.", temperature=1.0, new_tokens=24)
        slow = write_slowly(plain, long, hook_point="resid_post", end_tokens=tiny_model.end_tokens)
        if slow.finish_reason == "eos" and slow.tokens:
            break
    short = replace(long, max_new_tokens=len(slow.tokens) + 1 + room)
    (completion,) = Engine(tiny_model, hook_point="resid_post", max_rows=8).generate([short])
    assert (completion.tokens, completion.finish_reason) == (slow.tokens, "eos")
    # The means count the end token.
    assert completion.mean_logprob == pytest.approx(slow.mean_logprob, abs=1e-4)


def test_a_prompt_that_fills_the_context_is_refused_by_name(tiny_model):
    fits = make_row(tiny_model, "short", key="fits")
    room = tiny_model.context - len(fits.tokens)
    engine = Engine(tiny_model, hook_point="resid_post", max_rows=8)
    engine.submit([make_row(tiny_model, "short", key="just", new_tokens=room)])
    rows = [fits, make_row(tiny_model, "short", key="benign_0042", new_tokens=room + 1)]
    with pytest.raises(InputError, match=r"1 prompts .* context of 512 tokens: benign_0042") as caught:
        engine.submit(rows)
    assert "max_new_tokens" in caught.value.where
    assert len(engine.waiting) == 1


@pytest.mark.real_model
def test_the_real_model_writes_the_same_alone_and_in_company_to_the_last_bit(real_blocks):
    kinds = [{}, {"layer": 1, "add": 20.0, "temperature": 0.8}, {"layer": 2, "ablate": 1.0}]
    kinds += [{"layer": range(real_blocks.n_layers), "ablate": 1.0}, {"layer": (0, 2), "add": 9.0, "keep_norm": True}]
    rows = [
        make_row(real_blocks, f"{prompt} Part {part}.", key=(prompt, part, at), new_tokens=4 + part, **kind)
        for prompt in PROMPTS
        for part in range(2)
        for at, kind in enumerate(kinds)
    ]
    together = Engine(real_blocks, hook_point="resid_post", max_rows=24).generate(rows)
    alone = [Engine(real_blocks, hook_point="resid_post", max_rows=8).generate([row])[0] for row in rows[:5]]
    assert [everything(one) for one in alone] == [everything(one) for one in together[:5]]
