"""Where the claims of an effect are made."""

import pandas as pd
from steering_reliability.evidence.claim_points import CLAIM_POINT_COLUMNS, claim_points, most_significant_effect
from steering_reliability.evidence.summary import SUMMARY_INPUTS
from synthetic_run import completion, realistic_results, tiny_results

N = 20


def run(points, *, benign_lost=None):
    """Build a study: alpha to how many of 20 prompts refuse in harm_train and in harm_test, none unsteered."""
    rows = []
    for alpha, (train, test) in {0.0: (0, 0), **points}.items():
        lost = (benign_lost or {}).get(alpha, 0)
        for split, refusing in (("harm_train", train), ("harm_test", test), ("benign", lost)):
            rows += [completion(split, index, refused=index < refusing, alpha=alpha) for index in range(N)]
    return pd.DataFrame(rows)


def chosen(results):
    table = claim_points(results)
    assert table.columns.tolist() == CLAIM_POINT_COLUMNS
    return dict(zip(table["purpose"], table["alpha"], strict=True))


def test_one_point_is_chosen_by_harm_train_and_the_other_by_its_p_on_harm_test():
    assert chosen(run({0.2: (12, 5), 0.4: (6, 15)})) == {"recommended": 0.2, "most significant": 0.4}


def test_both_may_be_the_same_point():
    assert chosen(run({0.2: (3, 5), 0.4: (12, 15)})) == {"recommended": 0.4, "most significant": 0.4}


def test_a_cost_keeps_a_point_from_being_recommended_and_not_from_being_the_most_significant():
    assert chosen(run({0.2: (3, 5), 0.4: (12, 15)}, benign_lost={0.4: 9})) == {
        "recommended": 0.2,
        "most significant": 0.4,
    }


def test_a_refusal_in_degenerate_text_counts_for_neither():
    results = run({0.2: (3, 5), 0.4: (12, 15)})
    results["is_degenerate"] = (results["alpha"] == 0.4) & (results["split"] != "benign")
    assert chosen(results) == {"recommended": 0.2, "most significant": 0.2}


def test_other_roles_and_columns_do_not_matter():
    results = realistic_results()
    table = claim_points(results[SUMMARY_INPUTS])
    pd.testing.assert_frame_equal(table, claim_points(results[results["role"] == "main"]))
    assert table["role"].tolist() == ["main"] * 2
    pd.testing.assert_frame_equal(table, claim_points(results.sample(frac=1, random_state=1)))


def test_of_equal_p_values_the_first_point_is_taken():
    results = run({0.2: (3, 5), 0.4: (3, 5)})
    assert most_significant_effect(results)["alpha"] == 0.2


def test_what_is_not_there_has_no_row():
    results = tiny_results()
    assert chosen(results[results["alpha"] == 0]) == {}
    assert chosen(results.head(0)) == {}
    assert chosen(results[results["split"] == "harm_test"]) == {"most significant": 0.2}
    assert chosen(results[results["split"] != "harm_test"]).keys() == {"recommended"}
    assert most_significant_effect(results[results["split"] == "benign"]) is None
