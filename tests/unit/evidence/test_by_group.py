"""The effect on refusal by style and by topic."""

import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.by_group import BY_GROUP_COLUMNS, by_group
from steering_reliability.evidence.claim_points import CLAIM_POINT_COLUMNS, claim_points
from steering_reliability.evidence.grid_tests import study_of
from steering_reliability.evidence.summary import summarise_pairs
from steering_reliability.results.schema import POINT_KEYS
from steering_reliability.statistics.intervals import newcombe_paired_interval
from synthetic_run import completion, realistic_results

POINT = dict(zip(POINT_KEYS, ("main", "contrastive_prefix", "add", "14", 0, 0.5), strict=True))


def rows(*, after, **labels):
    """Build 12 prompts of harm_test of four styles and three topics; none refuses unsteered."""
    return [
        completion("harm_test", index, refused=alpha > 0 and index in after, alpha=alpha) | labels
        for alpha in (0.0, 0.5)
        for index in range(12)
    ]


def table_of(results, *purposes):
    points = pd.DataFrame(
        [{"purpose": one} | POINT for one in purposes or ("recommended",)], columns=CLAIM_POINT_COLUMNS
    )
    return by_group(study_of(pd.DataFrame(results)).rows, points=points)


def test_effects_by_hand():
    table = table_of(rows(after=(0, 4, 1)))
    assert table.columns.tolist() == BY_GROUP_COLUMNS
    assert set(table["split"]) == {"harm_test"}
    found = table.set_index(["grouped_by", "group"])
    # Prompts 0, 4 and 8 are direct, 1, 5 and 9 a story; 0, 3, 6 and 9 of fraud.
    direct = found.loc[("style", "direct")]
    assert direct[["before", "after", "n", "n_clusters"]].tolist() == [0, 2, 3, 3]
    expected = [float(part) for part in newcombe_paired_interval(0, 2, 0, 1)]
    assert direct[["effect", "effect_low", "effect_high"]].tolist() == pytest.approx(expected)
    assert found.loc["style", "after"].to_dict() == {"direct": 2, "indirect": 0, "slang": 0, "story": 1}
    assert found.loc["topic", "after"].to_dict() == {"fraud": 1, "hacking": 2, "weapons": 0}


def test_what_is_in_no_group_or_counts_for_nothing():
    broken = [row | {"is_degenerate": row["alpha"] > 0} for row in rows(after=range(12))]
    assert (table_of(broken)["after"] == 0).all()
    # Prompts without a label.
    assert set(table_of(rows(after=(), style=None))["grouped_by"]) == {"topic"}
    assert table_of(rows(after=(), style=None, family=None)).empty
    # A point of two purposes stands once.
    points = table_of(rows(after=()), "recommended", "most significant")["point"]
    assert set(points) == {"recommended, most significant"}


def test_a_group_of_one_template_has_no_interval_and_one_without_pairs_no_effect():
    results = pd.DataFrame(rows(after=range(12)))
    results["cluster"] = results["style"]
    table = table_of(results).set_index(["grouped_by", "group"])
    assert table.loc["style", "effect"].tolist() == [1.0] * 4
    assert table.loc["style", ["effect_low", "effect_high"]].isna().all(axis=None)
    orphans = results[(results["alpha"] > 0) | (results["style"] != "slang")]
    row = table_of(orphans).set_index("group").loc["slang"]
    assert row[["before", "after", "n", "n_clusters"]].tolist() == [0, 0, 0, 0]
    assert np.isnan(row[["effect", "effect_low", "effect_high"]].to_numpy(dtype=float)).all()


def test_the_points_of_a_whole_run_are_those_of_its_claims():
    study = study_of(realistic_results())
    points = claim_points(summarise_pairs(study.rows), tests=study.tests)
    table = by_group(study.rows, points=points)
    assert len(table) == points.drop_duplicates(POINT_KEYS).shape[0] * 3 * (4 + 3)
    # All prompts have both labels, so the groups of either kind add up to the same completions.
    sums = table.groupby(["point", "split", "grouped_by"])[["before", "after", "n"]].sum()
    assert (sums.groupby(["point", "split"]).nunique() == 1).all(axis=None)
    none = by_group(study.rows, points=points.head(0))
    assert none.columns.tolist() == BY_GROUP_COLUMNS
    assert none.empty
