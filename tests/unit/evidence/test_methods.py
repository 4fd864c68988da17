"""Methods of making a direction, compared at the same first-token KL."""

import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.cluster_counts import with_outcomes
from steering_reliability.evidence.methods import CHANGES, METHODS_COLUMNS, methods_table
from steering_reliability.evidence.summary import summarise_pairs
from steering_reliability.results.schema import SPLITS
from steering_reliability.statistics.intervals import newcombe_paired_interval
from synthetic_run import completion

MAIN = "contrastive_prefix"
N = 40


def method(name, curve, *, role="method", n=N, layer="14", intervention="add", train=None, group=1, benign=0):
    """Build a method's completions.

    `curve` maps alpha to (KL, refusals of harm_test, of which the first prompts are); harm_train refuses alike, or as
    in `train`, and of the benign prompts `benign` at each steered strength.
    """
    rows = []
    for alpha, (kl, refusals) in {0.0: (0.0, 0), **curve}.items():
        refused = {"harm_train": (train or {}).get(alpha, refusals), "harm_test": refusals}
        refused["benign"] = benign if alpha else 0
        for split in SPLITS:
            for index in range(n):
                row = completion(split, index, refused=index < refused[split], alpha=alpha)
                row |= {"direction": name, "role": role, "layer": layer, "intervention": intervention}
                row |= {"first_token_kl": kl, "cluster": f"{split}_{index // group * group}"}
                rows.append(row)
    return rows


def table_of(*parts):
    rows = with_outcomes(pd.DataFrame([row for part in parts for row in part]))
    return methods_table(rows, summary=summarise_pairs(rows))


STUDY = method(MAIN, {0.2: (0.1, 10), 0.4: (0.4, 24)}, role="main")


def judged(table):
    return table[table["verdict"].notna()].set_index(["direction", "kl"])


def test_at_its_own_strengths_a_method_has_the_effects_of_the_summary():
    parts = [STUDY, method("pca", {0.2: (0.1, 4), 0.4: (0.4, 8)}, benign=6)]
    table = table_of(*parts)
    assert table.columns.tolist() == METHODS_COLUMNS
    assert table[["direction", "kl", "alpha"]].to_numpy().tolist() == [
        [MAIN, 0.1, 0.2], ["pca", 0.1, 0.2], [MAIN, 0.4, 0.4], ["pca", 0.4, 0.4]
    ]  # fmt: skip
    summary = summarise_pairs(with_outcomes(pd.DataFrame([row for part in parts for row in part])))
    expected = summary[~summary["from_baseline"]].set_index(["direction", "alpha"])
    found = table.set_index(["direction", "alpha"]).loc[expected.index]
    for name, (split, _, _) in CHANGES.items():
        for part in ("", "_low", "_high"):
            assert found[f"{name}{part}"].tolist() == pytest.approx(expected[f"{name}{part}"].tolist()), name + part
        assert found[f"{name}_n"].tolist() == expected[f"refusal_{split}_n"].tolist()


def test_between_its_strengths_a_method_is_read_by_the_root_of_the_kl():
    # At a KL of 0.16 the root is half way from 0.2 to 0.6.
    study = method(MAIN, {0.2: (0.16, 10)}, role="main")
    table = table_of(study, method("pca", {0.2: (0.04, 4), 0.4: (0.36, 12)}))
    row = table[(table["direction"] == "pca") & (table["kl"] == 0.16)].iloc[0]
    assert row["alpha"] == pytest.approx(0.3)
    assert row["clean_refusal_effect_harm_test"] == pytest.approx(8 / N)
    ends = [[float(part) for part in newcombe_paired_interval(0, k, 0, N - k)] for k in (4, 12)]
    assert row["clean_refusal_effect_harm_test_low"] == pytest.approx((ends[0][1] + ends[1][1]) / 2)
    assert row["clean_refusal_effect_harm_test_high"] == pytest.approx((ends[0][2] + ends[1][2]) / 2)
    assert row["difference"] == pytest.approx(-2 / N)
    assert [row["sides_low"], row["sides_high"]] == pytest.approx([-6 / N, 2 / N])
    # Below its weakest strength a method is read from the unsteered model on.
    weaker = table_of(method(MAIN, {0.2: (0.01, 0)}, role="main"), method("pca", {0.4: (0.36, 12)}))
    row = weaker[(weaker["direction"] == "pca") & (weaker["kl"] == 0.01)].iloc[0]
    assert row["clean_refusal_effect_harm_test"] == pytest.approx(2 / N)
    assert row["alpha"] == pytest.approx(0.4 / 6)


@pytest.mark.parametrize(("refusals", "verdict"), [(6, "lower"), (38, "higher"), (23, "cannot tell")])
def test_a_planted_difference_is_found_either_way_and_none_where_there_is_none(refusals, verdict):
    table = table_of(STUDY, method("pca", {0.2: (0.1, refusals // 2), 0.4: (0.4, refusals)}))
    row = judged(table).loc[("pca", 0.4)]
    assert row["verdict"] == verdict
    change = round(100 * refusals / N)
    signs = "differs between pca and" if verdict == "cannot tell" else f"is {verdict} with pca than with"
    assert f"{signs} {MAIN} at the same first-token KL of 0.4 nats (add at layer 14)" in row["sentence"]
    assert f"changes of +{change} and +60 points" in row["sentence"]
    assert row["sentence"].startswith("The data do not show") == (verdict == "cannot tell")
    assert "corrected for one comparison" in row["sentence"]


def test_a_method_is_tested_where_the_study_is_recommended_and_where_it_would_be():
    strong = method("pca", {0.2: (0.2, 30), 0.4: (0.8, 38)})
    weak = method("lda", {0.2: (0.1, 4), 0.4: (0.4, 8)})
    table = table_of(STUDY, strong, weak)
    assert judged(table).index.tolist() == [("lda", 0.4), ("pca", 0.4), ("pca", 0.8)]
    # The study reaches no KL of 0.8.
    row = judged(table).loc[("pca", 0.8)]
    assert (row["verdict"], row["n"]) == ("out of range", 0)
    assert row["sentence"].startswith(f"pca and {MAIN} cannot be compared at a first-token KL of 0.8 nats")
    assert judged(table)["p_corrected"].iloc[0] > judged(table)["p"].iloc[0]
    # Another layer is another place: nothing is tested there, but all is read.
    elsewhere = table_of(STUDY, weak, method("lda", {0.2: (0.1, 1)}, layer="10-12"),
                         method(MAIN, {0.2: (0.1, 2)}, role="main", layer="10-12"))  # fmt: skip
    assert elsewhere["layer"].unique().tolist() == ["14", "10-12"]
    assert elsewhere[elsewhere["layer"] == "10-12"]["verdict"].isna().all()


def test_what_only_interpolation_makes_differ_is_not_shown():
    """A step between two strengths: on a straight line between them the method seems to do less than the study."""
    step = method("pca", {0.2: (0.04, 0), 0.6: (0.36, 40)})
    row = judged(table_of(method(MAIN, {0.4: (0.16, 38)}, role="main"), step)).loc[("pca", 0.16)]
    assert row["p_corrected"] < 0.05 and row["high"] < 0 < row["sides_high"]
    assert row["verdict"] == "cannot tell"
    assert "-95 to +5 at the strengths on either side" in row["sentence"]


def test_near_copies_of_a_prompt_count_once():
    alone = judged(table_of(STUDY, method("pca", {0.2: (0.1, 2), 0.4: (0.4, 14)}))).loc[("pca", 0.4)]
    copies = [method(MAIN, {0.2: (0.1, 10), 0.4: (0.4, 24)}, role="main", group=10)]
    copies.append(method("pca", {0.2: (0.1, 2), 0.4: (0.4, 14)}, group=10))
    alike = judged(table_of(*copies)).loc[("pca", 0.4)]
    assert alone["verdict"] == "lower"
    assert (alike["n"], alike["n_clusters"], alike["verdict"]) == (N, 4, "cannot tell")


def test_one_method_gives_an_empty_table_and_checks_are_no_methods():
    random = method("random_0", {0.4: (0.4, 2)}, role="random")
    table = table_of(STUDY, random)
    assert table.empty
    assert table.columns.tolist() == METHODS_COLUMNS
    assert table_of(STUDY, random, method("pca", {0.4: (0.4, 20)}))["direction"].unique().tolist() == [MAIN, "pca"]


def test_negative_strengths_are_a_curve_of_their_own():
    both = {-0.4: (0.4, 0), 0.4: (0.4, 24)}
    table = table_of(method(MAIN, both, role="main"), method("pca", {-0.4: (0.5, 0), 0.4: (0.4, 8)}))
    assert table[["sign", "direction", "alpha"]].to_numpy().tolist() == [
        [-1, MAIN, -0.4], [-1, "pca", pytest.approx(-0.4 * np.sqrt(0.8))], [1, MAIN, 0.4], [1, "pca", 0.4]
    ]  # fmt: skip


def test_without_a_kl_nothing_is_compared():
    table = table_of(STUDY, method("pca", {0.2: (np.nan, 4), 0.4: (np.nan, 8)}))
    assert table["clean_refusal_effect_harm_test_n"].tolist() == [] or table["difference"].isna().all()


def null_run(rng, *, stretch, n=24):
    """Build a study and two methods whose refusal depends on the KL alone; `stretch` are the methods' KLs over its."""
    rows = []
    ability = {split: rng.normal(size=n) for split in SPLITS}
    for name, factor in zip((MAIN, "pca", "lda"), (1.0, *stretch), strict=True):
        for alpha in (0.0, 0.2, 0.4, 0.6):
            kl = factor * alpha**2
            for split in SPLITS:
                noise = rng.normal(size=n) if alpha else np.zeros(n)
                refused = ability[split] + noise < 4 * np.sqrt(kl) - 2 if split != "benign" else np.zeros(n, dtype=bool)
                for index in range(n):
                    row = completion(split, index, refused=bool(refused[index]), alpha=alpha)
                    rows.append(row | {"direction": name, "role": "main" if name == MAIN else "method",
                                       "first_token_kl": kl})  # fmt: skip
    return rows


@pytest.mark.parametrize("stretch", [(1.0, 1.0), (1.4, 0.6)])
def test_where_refusal_depends_on_the_kl_alone_a_difference_is_rarely_claimed(stretch):
    rng = np.random.default_rng(3)
    claims = [table_of(null_run(rng, stretch=stretch))["verdict"].isin(["higher", "lower"]).any() for _ in range(15)]
    # More than 3 of 15 would come once in 200 at a rate of 5%.
    assert sum(claims) <= 3
