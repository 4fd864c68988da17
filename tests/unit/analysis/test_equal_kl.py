import numpy as np
import pandas as pd
import pytest
from steering_reliability.analysis.equal_kl import EQUAL_KL_COLUMNS, equal_kl_table
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
    table = table_of(*curves, **options)
    return table[table["outcome"] == "refusal rate"].iloc[0]


MAIN = curve({0.2: (1.0, 16), 0.4: (4.0, 32)}, keys=STUDY)


def test_the_study_is_read_at_the_controls_kl():
    row = refusal(MAIN, curve({0.4: (2.25, 4)}, keys=RANDOM))
    # sqrt(2.25) = 1.5 lies halfway between 1 and 2: the study's effect is (0.4 + 0.8) / 2.
    assert row[["kl", "study_effect", "control_effect"]].to_list() == pytest.approx([2.25, 0.6, 0.1])
    assert row["value"] == pytest.approx(0.5)
    assert (row["n"], row["verdict"]) == (N, "more than random")
    assert row["low"] < 0.5 < row["high"]


def test_below_its_first_point_the_study_begins_at_nothing():
    # sqrt(0.25) = 0.5 lies halfway between 0 and 1.
    row = refusal(MAIN, curve({0.4: (0.25, 0)}, keys=RANDOM))
    assert row["study_effect"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("refusing", "verdict"),
    [(0, "more than random"), (24, "no more than random"), (40, "no more than random"), (19, "cannot tell")],
)
def test_the_verdict_for_a_study_that_would_refuse_24_of_40(refusing, verdict):
    row = refusal(MAIN, curve({0.4: (2.25, refusing)}, keys=RANDOM))
    assert row["value"] == pytest.approx(0.6 - refusing / N)
    if verdict == "cannot tell":
        # The same prompts, moved apart, so that the interval is wide: the control refuses where the study does not.
        row = refusal(MAIN, list(reversed_prompts(curve({0.4: (2.25, refusing)}, keys=RANDOM))))
    assert row["verdict"] == verdict


def reversed_prompts(rows):
    for row in rows:
        yield row | {"id": f"harm_test_{N - 1 - int(row['id'][-4:]):04d}"}


def test_a_direction_that_lowers_refusal_can_beat_random_too():
    study = curve({1.0: (4.0, 2)}, keys=STUDY, before=36)
    row = refusal(study, curve({1.0: (4.0, 35)}, keys=RANDOM, before=36))
    assert row["value"] == pytest.approx(-33 / 40)
    assert row["verdict"] == "more than random"


def test_a_control_that_disturbs_more_than_the_study_is_out_of_range():
    row = refusal(MAIN, curve({0.4: (4.5, 4)}, keys=RANDOM))
    assert (row["verdict"], row["n"]) == ("out of range", 0)
    assert np.isnan(row[["study_effect", "value", "low", "high"]].to_numpy(float)).all()
    assert row["control_effect"] == pytest.approx(0.1)
    assert "KL 4.5 beside at most 4 nats" in row["sentence"]


def test_few_prompts_cannot_tell_however_much_they_agree():
    few = [curve({0.4: (4.0, refusing)}, keys=keys, n=6) for refusing, keys in ((6, STUDY), (0, RANDOM))]
    assert refusal(*few)["verdict"] == "cannot tell"


def test_the_other_sign_and_the_other_seed_are_other_curves():
    other = curve({-0.4: (9.0, 0)}, keys=STUDY)[N:] + curve({0.4: (9.0, 40)}, keys=STUDY | {"seed": 5})
    row = refusal(MAIN + other, curve({0.4: (2.25, 4)}, keys=RANDOM))
    assert row["study_effect"] == pytest.approx(0.6)


def test_propensity_is_compared_in_nats():
    table = table_of(MAIN, curve({0.4: (2.25, 4)}, keys=RANDOM))
    row = table[table["outcome"] == "refusal propensity (nats)"].iloc[0]
    assert (row["study_effect"], row["control_effect"]) == (pytest.approx(6.0), pytest.approx(1.0))
    assert row["verdict"] == "more than random"


def test_equal_effects_leave_no_rounding_errors():
    row = table_of(MAIN, curve({0.4: (2.25, 24)}, keys=RANDOM)).iloc[1]
    assert (row["value"], row["low"], row["high"]) == (0, 0, 0)
    assert row["verdict"] == "no more than random"


def test_only_shared_prompts_with_a_kl_are_compared():
    control = curve({0.4: (2.25, 4)}, keys=RANDOM, n=30)
    control[-1] |= {"first_token_kl": float("nan")}
    row = refusal(MAIN, control)
    assert (row["n"], row["control_effect"]) == (29, pytest.approx(4 / 29))
    # 16 and 29 of these 29 refuse under the study.
    assert row["study_effect"] == pytest.approx((16 / 29 + 29 / 29) / 2)


def test_no_shared_prompts_cannot_tell():
    control = [row | {"id": f"other_{row['id']}"} for row in curve({0.4: (2.25, 4)}, keys=RANDOM)]
    row = refusal(MAIN, control)
    assert (row["verdict"], row["n"]) == ("cannot tell", 0)


def test_results_without_propensity_compare_refusal_only():
    results = pd.DataFrame(MAIN + curve({0.4: (2.25, 4)}, keys=RANDOM)).drop(columns="refusal_propensity")
    assert equal_kl_table(results)["outcome"].tolist() == ["refusal rate"]


def test_a_shuffled_direction_is_named():
    keys = {"role": "shuffled", "direction": "shuffled"}
    assert refusal(MAIN, curve({0.4: (2.25, 4)}, keys=keys))["check"] == "shuffled direction"


def test_a_run_without_controls_has_no_rows():
    table = equal_kl_table(realistic_results(checks=False))
    assert table.empty
    assert table.columns.tolist() == EQUAL_KL_COLUMNS


def test_a_seed_gives_one_table_whatever_the_order_of_the_rows():
    results = realistic_results()
    again = equal_kl_table(results.sample(frac=1, random_state=2), seed=3)
    pd.testing.assert_frame_equal(equal_kl_table(results, seed=3), again)
