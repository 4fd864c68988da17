import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.equal_kl import EQUAL_KL_COLUMNS, equal_kl_table
from synthetic_run import completion, realistic_results

N = 40
STUDY = {"role": "main", "direction": "v"}
RANDOM = {"role": "random", "direction": "random"}


def curve(points, *, keys, n=N, before=0):
    """Build harm_test completions: alpha to (KL in nats, how many of the prompts refuse there)."""
    rows = []
    for alpha, (kl, refusing) in {0.0: (0.0, before), **points}.items():
        for index in range(n):
            row = completion("harm_test", index, refused=index < refusing, alpha=alpha)
            rows.append(row | keys | {"first_token_kl": kl, "refusal_propensity": 10.0 * refusing / n})
    return rows


def table_of(*curves, **options):
    return equal_kl_table(pd.DataFrame([row for one in curves for row in one]), **options)


def refusal(*curves, **options):
    """Return the row of the only control, and the one that judges it."""
    table = table_of(*curves, **options)
    found = table[table["outcome"] == "refusal rate"]
    assert len(found) == 2
    return found.iloc[0], found.iloc[1]


def controls(*refusing, kl=2.25, role="random"):
    """Build a control per number of refusing prompts, at the KL that lies halfway along the study's curve."""
    return [
        row
        for number, count in enumerate(refusing)
        for row in curve({0.4: (kl, count)}, keys={"role": role, "direction": f"{role}_{number}"})
    ]


def judged(*curves, outcome="refusal rate"):
    table = table_of(*curves)
    (row,) = table[(table["outcome"] == outcome) & table["verdict"].notna()].to_dict("records")
    return row


MAIN = curve({0.2: (1.0, 16), 0.4: (4.0, 32)}, keys=STUDY)


def test_the_study_is_read_at_the_controls_kl():
    row, _ = refusal(MAIN, curve({0.4: (2.25, 4)}, keys=RANDOM))
    # sqrt(2.25) = 1.5 lies halfway between 1 and 2: the study's effect is (0.4 + 0.8) / 2.
    assert row[["kl", "study_effect", "control_effect"]].to_list() == pytest.approx([2.25, 0.6, 0.1])
    assert row["value"] == pytest.approx(0.5)
    assert (row["n"], row["condition"]) == (N, "random, add, layer 14, alpha 0.4, seed 0")
    # One control is one draw of a direction: it has no interval and is no test.
    assert row[["low", "high", "p", "verdict", "sentence"]].isna().all()
    # Below its first point the study begins at nothing: sqrt(0.25) = 0.5 lies halfway between 0 and 1.
    row, _ = refusal(MAIN, curve({0.4: (0.25, 0)}, keys=RANDOM))
    assert row["study_effect"] == pytest.approx(0.2)


def test_all_controls_of_a_place_are_judged_together():
    # The study would refuse 24 of 40 there. Controls of 0 and 8: 0.6 and 0.4 ahead.
    row = judged(MAIN, controls(0, 8))
    assert (row["condition"], row["study"]) == ("add, layer 14, alpha 0.4, seed 0", "v")
    assert (row["check"], row["n"]) == ("random directions", 2)
    assert [row[name] for name in ("kl", "control_effect", "study_effect", "value", "low", "high")] == pytest.approx(
        [2.25, 0.1, 0.6, 0.5, 0.4, 0.6]
    )
    assert row["p"] == pytest.approx(1 / 3)
    assert judged(MAIN, controls(4))["sentence"] == (
        "None of 1 random directions has at least as large an effect on the refusal rate at the same first-token KL, "
        "of either sign: on average +60 points for the study's direction, +10 for the controls, at 2.25 nats, p 0.5. "
        "At least 19 directions are needed for a significant rank."
    )
    row = judged(MAIN, controls(4), outcome="refusal propensity (nats)")
    assert (row["study_effect"], row["control_effect"]) == (pytest.approx(6.0), pytest.approx(1.0))
    assert "+6 nats for the study's direction, +1 for the controls" in row["sentence"]
    without = pd.DataFrame(MAIN + controls(4)).drop(columns="refusal_propensity")
    assert set(equal_kl_table(without)["outcome"]) == {"refusal rate"}
    # Shuffled labels are judged apart from random directions.
    table = table_of(MAIN, controls(4, 4), controls(8, role="shuffled"))
    assert places_of(table).set_index("check")["n"].to_dict() == {"random directions": 2, "shuffled labels": 1}


@pytest.mark.parametrize(
    ("refusing", "p", "verdict"),
    [
        ([0] * 18 + [23], 1 / 20, "more than random"),
        ([0] * 18 + [24], 2 / 20, "cannot tell"),
        ([0] * 17 + [24, 40], 3 / 20, "cannot tell"),
        ([24] * 19, 1.0, "cannot tell"),
        ([0] * 18, 1 / 19, "cannot tell"),
    ],
)
def test_the_verdict_is_by_rank_for_a_study_that_would_refuse_24_of_40(refusing, p, verdict):
    row = judged(MAIN, controls(*refusing))
    assert (row["n"], row["p"], row["verdict"]) == (len(refusing), pytest.approx(p), verdict)
    assert ("At least 19 directions" in row["sentence"]) == (len(refusing) < 19)


def test_a_control_that_moves_refusal_as_far_the_other_way_counts():
    # The way of the study's own effect is chosen by the data: one-sided, two of twenty would be ahead by chance.
    study = curve({0.2: (1.0, 26), 0.4: (4.0, 32)}, keys=STUDY, before=20)
    # At KL 2.25 the study refuses 29 of 40, 9 more.
    for after, p in ((11, 2 / 20), (12, 1 / 20)):
        ways = [20] * 18 + [after]
        found = [
            row
            for number, count in enumerate(ways)
            for row in curve({0.4: (2.25, count)}, keys={"role": "random", "direction": f"random_{number}"}, before=20)
        ]
        assert judged(study, found)["p"] == pytest.approx(p)


def test_a_control_that_disturbs_more_than_the_study_is_out_of_range():
    row, together = refusal(MAIN, curve({0.4: (4.5, 4)}, keys=RANDOM))
    assert row["n"] == together["n"] == 0
    assert np.isnan(row[["study_effect", "value"]].to_numpy(float)).all()
    assert row["control_effect"] == pytest.approx(0.1)
    assert together["verdict"] == "out of range"
    assert together[["kl", "study_effect", "value", "low", "high", "p"]].isna().all()
    assert "larger first-token KL than every point of the study" in together["sentence"]
    # Others of the place still count, and it does not.
    both = judged(MAIN, controls(4, 4), curve({0.4: (4.5, 4)}, keys=RANDOM | {"direction": "far"}))
    assert (both["n"], both["p"]) == (2, pytest.approx(1 / 3))


def test_the_other_sign_and_the_other_seed_are_other_curves():
    other = curve({-0.4: (9.0, 0)}, keys=STUDY)[N:] + curve({0.4: (9.0, 40)}, keys=STUDY | {"seed": 5})
    row, _ = refusal(MAIN + other, curve({0.4: (2.25, 4)}, keys=RANDOM))
    assert row["study_effect"] == pytest.approx(0.6)


def at_two_places(*refusing):
    """Build the same controls at alpha 0.4 and at 0.2."""
    rows = controls(*refusing)
    return rows + [row | {"alpha": 0.2} for row in rows if row["alpha"]]


def places_of(table):
    return table[table["verdict"].notna() & (table["outcome"] == "refusal rate")].set_index("condition")


WEAK, STRONG = (f"add, layer 14, alpha {alpha}, seed 0" for alpha in (0.2, 0.4))


@pytest.mark.parametrize(("n", "verdict"), [(19, "cannot tell"), (38, "cannot tell"), (39, "more than random")])
def test_two_places_pay_for_each_other(n, verdict):
    # 2 / 40 is just enough.
    places = places_of(table_of(MAIN, at_two_places(*[0] * n)))
    assert places["verdict"].to_dict() == {WEAK: verdict, STRONG: verdict}
    assert places["p"].tolist() == pytest.approx([1 / (n + 1)] * 2)
    assert places["sentence"].str.contains("At least 39 directions").tolist() == [n < 39] * 2


def test_a_place_chosen_by_its_effect_is_no_test_and_is_not_paid_for():
    chosen = {"role": "main", "direction": "v", "intervention": "add", "layer": "14", "seed": 0, "alpha": 0.2}
    places = places_of(table_of(MAIN, at_two_places(*[0] * 19), chosen_by_effect=chosen))
    assert places["verdict"].to_dict() == {WEAK: "not a test", STRONG: "more than random"}
    assert "the rank is not a test" in places.loc[WEAK, "sentence"]


def test_only_shared_prompts_with_a_kl_are_compared():
    control = curve({0.4: (2.25, 4)}, keys=RANDOM, n=30)
    control[-1] |= {"first_token_kl": float("nan")}
    row, _ = refusal(MAIN, control)
    assert (row["n"], row["control_effect"]) == (29, pytest.approx(4 / 29))
    # 16 and 29 of these 29 refuse under the study.
    assert row["study_effect"] == pytest.approx((16 / 29 + 29 / 29) / 2)
    others = [row | {"id": f"other_{row['id']}"} for row in curve({0.4: (2.25, 4)}, keys=RANDOM)]
    row, together = refusal(MAIN, others)
    assert (row["n"], together["n"], together["verdict"]) == (0, 0, "out of range")
    assert np.isnan(together["p"])


def test_the_order_of_the_rows_does_not_matter_and_a_run_without_controls_has_no_rows():
    results = realistic_results()
    none = equal_kl_table(realistic_results(checks=False))
    assert none.empty
    assert none.columns.tolist() == EQUAL_KL_COLUMNS
    pd.testing.assert_frame_equal(equal_kl_table(results), equal_kl_table(results.sample(frac=1, random_state=2)))
