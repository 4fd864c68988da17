import numpy as np
import pandas as pd
import pytest
from steering_reliability.analysis.sanity_checks import SANITY_COLUMNS, describe, sanity_checks
from steering_reliability.analysis.summary import summarise
from synthetic_run import completion, realistic_results, tiny_results

N = 50


def curve(role, direction, *, before, after, seed=0, n=N):
    """Build harm_test completions of which the first `before` refuse unsteered and the first `after` steered."""
    keys = {"role": role, "direction": direction, "seed": seed}
    return [
        completion("harm_test", index, refused=index < count, alpha=alpha) | keys
        for alpha, count in ((0.0, before), (0.5, after))
        for index in range(n)
    ]


def checks(*curves, **options):
    results = pd.DataFrame([row for one in curves for row in one])
    return sanity_checks(results, summary=summarise(results), **options).set_index(["check", "statistic"])


CONTRAST = "effect minus the study's effect"
EFFECT = "effect on harm_test refusal"
MAIN = curve("main", "v", before=2, after=27)


@pytest.mark.parametrize(
    ("after", "verdict"), [(27, "agrees"), (24, "agrees"), (2, "differs"), (0, "differs"), (12, "differs")]
)
def test_another_prefix(after, verdict):
    table = checks(MAIN, curve("alt_prefix", "v_alt1", before=2, after=after), cosines={"v_alt1": {14: 0.9}})
    assert table.loc[("other prefix", EFFECT), "value"] == pytest.approx((after - 2) / N)
    row = table.loc[("other prefix", CONTRAST)]
    assert row["value"] == pytest.approx((after - 27) / N)
    assert (row["verdict"], row["n"]) == (verdict, N)
    cosine = table.loc[("other prefix", "cosine with the study's direction")]
    assert (cosine["value"], cosine["verdict"]) == (0.9, "same direction")


def test_an_unknown_cosine_is_missing():
    row = checks(MAIN, curve("alt_prefix", "v_alt1", before=2, after=27)).iloc[0]
    assert np.isnan(row["value"])
    assert (row["n"], row["verdict"]) == (0, "cannot tell")


def test_another_seed_is_compared_on_its_own_prompts():
    # Its 20 prompts: the study refuses 2 before and 20 after there, the check 1 and 19.
    table = checks(MAIN, curve("alt_seed", "v", before=1, after=19, seed=7, n=20))
    row = table.loc[("other seed", CONTRAST)]
    assert row["value"] == pytest.approx(18 / 20 - 18 / 20)
    assert (row["n"], row["verdict"]) == (20, "agrees")


@pytest.mark.parametrize(
    ("after", "verdict"),
    [(2, "stronger than random"), (27, "no stronger than random"), (45, "no stronger than random")],
)
def test_a_random_direction(after, verdict):
    row = checks(MAIN, curve("random", "random", before=2, after=after)).loc[("random direction", CONTRAST)]
    assert row["verdict"] == verdict
    assert row["value"] == pytest.approx((after - 27) / N)


def test_an_effect_that_lowers_refusal_can_beat_random_too():
    row = checks(curve("main", "v", before=30, after=2), curve("random", "random", before=30, after=29))
    assert row.loc[("random direction", CONTRAST), "verdict"] == "stronger than random"


def test_few_prompts_cannot_tell():
    few = [curve(role, role, before=0, after=after, n=4) for role, after in (("main", 1), ("random", 0))]
    table = checks(*few)
    assert table.loc[("random direction", CONTRAST), "verdict"] == "cannot tell"


def test_a_check_without_counterpart_has_its_effect_alone():
    other = [row | {"layer": 3} for row in curve("random", "random", before=2, after=2)]
    table = checks(MAIN, other)
    assert [key for key in table.index if key[0] == "random direction"] == [("random direction", EFFECT)]


def test_every_check_of_a_whole_run_has_a_verdict_and_a_sentence():
    results = realistic_results()
    table = sanity_checks(results, summary=summarise(results))
    assert table.columns.tolist() == SANITY_COLUMNS
    assert set(table["check"]) == {"other prefix", "other seed", "random direction", "length and entropy", "fluency"}
    assert table["verdict"].str.len().gt(0).all()
    assert table["sentence"].str.endswith(".").all()
    assert table.loc[table["check"] == "length and entropy", "verdict"].tolist() == ["survives"]


def test_a_run_without_checks_still_matches_length_and_entropy():
    results = tiny_results()
    table = sanity_checks(results, summary=summarise(results))
    assert table["check"].tolist() == ["length and entropy", "fluency"]
    assert table["verdict"].tolist() == ["cannot tell"] * 2


def test_describe_names_every_key():
    point = {"direction": "v", "intervention": "add", "layer": 3, "alpha": 0.5, "seed": 0}
    assert describe(point) == "v, add, layer 3, alpha 0.5, seed 0"
