import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.decomposition import DECOMPOSITION_COLUMNS, decomposition_table
from steering_reliability.statistics.intervals import newcombe_interval, wilson_interval
from synthetic_run import completion

PROMPTS = Path(__file__).parents[3] / "prompts"
POINT = {"role": "main", "direction": "contrastive_prefix", "intervention": "add", "layer": 14, "seed": 0, "alpha": 0.5}
STYLES = {"harm_train": ("direct", "question"), "harm_test": ("slang", "story")}


def prompts_of(split, families, *, styles=STYLES):
    """Build completions of one split: family to how many of its prompts there are and how many refuse."""
    rows = []
    for family, (n, refusing) in families.items():
        for index in range(n):
            row = completion(split, index, refused=index < refusing, alpha=POINT["alpha"])
            label = {"family": family, "style": styles[split][index % 2], "id": f"{split}_{family}_{index}"}
            rows.append(row | label)
    return rows


def table_of(train, test, **options):
    rows = prompts_of("harm_train", train, **options) + prompts_of("harm_test", test, **options)
    return decomposition_table(pd.DataFrame(rows), point=POINT).set_index("component")


SAME_FAMILIES_DIFFER = table_of(
    {"fraud": (40, 32), "drugs": (40, 32), "theft": (40, 32)},
    {"fraud": (30, 12), "drugs": (30, 12), "forgery": (30, 12)},
)
FAMILIES_ARE_ALL = table_of(
    {"fraud": (40, 20), "drugs": (40, 20), "theft": (40, 40)},
    {"fraud": (40, 20), "drugs": (40, 20), "forgery": (40, 0)},
)


def test_a_gap_within_every_family_is_none_of_the_families():
    table = SAME_FAMILIES_DIFFER
    assert table.loc["raw gap", "value"] == pytest.approx(0.4)
    assert tuple(table.loc["raw gap", ["low", "high"]]) == pytest.approx(newcombe_interval(96, 120, 36, 90)[1:])
    assert table.loc["same family", "value"] == pytest.approx(0.4)
    assert table.loc["family", "value"] == pytest.approx(0.0)
    assert table.loc["family", "low"] < 0 < table.loc["family", "high"]
    assert table.loc["same family", "n"] == 140
    split = table.loc["split alone"]
    assert (split["method"], split["n"]) == ("marginal logistic model (GEE)", 140)
    assert split["value"] == pytest.approx(0.4, abs=1e-6)
    assert split["low"] > 0


def test_a_gap_between_families_is_none_of_the_split():
    table = FAMILIES_ARE_ALL
    # Raw: 80/120 - 40/120.
    assert table.loc["raw gap", "value"] == pytest.approx(1 / 3)
    assert table.loc["same family", "value"] == pytest.approx(0.0)
    assert table.loc["family", "value"] == pytest.approx(1 / 3)
    assert table.loc["family", "low"] > 0
    assert table.loc["split alone", "value"] == pytest.approx(0.0, abs=1e-6)
    others = table.loc["shared minus other families"].set_index("split")["value"]
    assert others.to_dict() == pytest.approx({"harm_train": -0.5, "harm_test": 0.5})


def test_the_parts_add_up_to_the_raw_gap():
    for table in (SAME_FAMILIES_DIFFER, FAMILIES_ARE_ALL):
        parts = table.loc["same family", "value"] + table.loc["family", "value"]
        assert parts == pytest.approx(table.loc["raw gap", "value"])


def test_styles_that_never_meet_cannot_be_told_from_the_split():
    for component in ("same style", "style", "same family and style"):
        row = SAME_FAMILIES_DIFFER.loc[component]
        assert np.isnan(row[["value", "low", "high"]].to_numpy(float)).all()
        assert row["n"] == 0
        assert "No style is in both splits (direct, question against slang, story)" in row["sentence"]
    assert "the change of style cannot be told apart" in SAME_FAMILIES_DIFFER.loc["split alone", "sentence"]
    assert "theft only in harm_train, forgery only in harm_test" in SAME_FAMILIES_DIFFER.loc["family", "sentence"]


def test_styles_that_meet_are_held_equal_too():
    same = {"harm_train": ("direct", "slang"), "harm_test": ("direct", "slang")}
    table = table_of({"fraud": (40, 30), "drugs": (40, 30)}, {"fraud": (40, 10), "drugs": (40, 10)}, styles=same)
    # Within each of the four cells 15/20 - 5/20.
    assert table.loc["same family and style", "value"] == pytest.approx(0.5)
    assert table.loc["style", ["value", "low", "high"]].tolist() == [0, 0, 0]
    assert "with family and style held equal" in table.loc["split alone", "sentence"]


def test_few_refusals_are_standardised_directly():
    table = table_of({"fraud": (40, 3), "drugs": (40, 1)}, {"fraud": (40, 0), "drugs": (40, 0)})
    row = table.loc["split alone"]
    assert row["method"] == "direct standardisation"
    assert "too few" in row["sentence"]
    assert row[["value", "low", "high"]].tolist() == table.loc["same family", ["value", "low", "high"]].tolist()
    assert row["value"] == pytest.approx(0.05)


def test_a_family_that_decides_alone_is_standardised_directly():
    table = table_of({"fraud": (40, 30), "drugs": (40, 0)}, {"fraud": (40, 20), "drugs": (40, 0)})
    row = table.loc["split alone"]
    assert row["method"] == "direct standardisation"
    assert "separation" in row["sentence"]
    # (30/40 - 20/40) / 2 + 0.
    assert row["value"] == pytest.approx(0.125)


def test_prompts_with_several_samples_count_once():
    rows = prompts_of("harm_train", {"fraud": (40, 32)}) + prompts_of("harm_test", {"fraud": (40, 12)})
    one = decomposition_table(pd.DataFrame(rows), point=POINT)
    three = decomposition_table(pd.DataFrame([row | {"sample": k} for row in rows for k in range(3)]), point=POINT)
    numbers = ["value", "low", "high", "n"]
    assert three[numbers].to_numpy(float) == pytest.approx(one[numbers].to_numpy(float), nan_ok=True, abs=1e-6)


def test_the_rates_of_each_label_have_wilsons_interval():
    rates = SAME_FAMILIES_DIFFER.loc["rate by family"].set_index(["split", "label"])
    row = rates.loc[("harm_test", "forgery")]
    assert tuple(row[["value", "low", "high"]]) == pytest.approx([float(part) for part in wilson_interval(12, 30)])
    assert row["n"] == 30
    assert row["sentence"].startswith("harm_test, forgery: 40%")
    styles = SAME_FAMILIES_DIFFER.loc["rate by style"]
    assert styles["label"].tolist() == ["direct", "question", "slang", "story"]
    assert styles["n"].tolist() == [60, 60, 45, 45]


def test_prompts_that_built_the_direction_are_set_against_the_others():
    rows = prompts_of("harm_train", {"fraud": (40, 20)}) + prompts_of("harm_test", {"fraud": (40, 20)})
    results = pd.DataFrame(rows)
    train = results["split"] == "harm_train"
    # Of the 20 that refuse 15 built the direction, of the others 5.
    order = results.groupby("split").cumcount()
    results["builds_direction"] = train & order.isin([*range(15), *range(20, 25)])
    row = decomposition_table(results, point=POINT).set_index("component").loc["built the direction minus the others"]
    assert (row["value"], row["n"]) == (pytest.approx(15 / 20 - 5 / 20), 40)
    without = decomposition_table(results.drop(columns="builds_direction"), point=POINT)
    assert "built the direction minus the others" not in set(without["component"])


@pytest.mark.parametrize("missing", ["unknown", None])
def test_an_unknown_label_is_no_label(missing):
    nameless = {"harm_train": (missing, missing), "harm_test": (missing, missing)}
    table = table_of({missing: (40, 20)}, {missing: (40, 10)}, styles=nameless)
    assert table.loc["same family", "n"] == 0
    assert "There is no family known on both sides" in table.loc["same family", "sentence"]
    assert "with nothing held equal" in table.loc["split alone", "sentence"]
    assert table.loc["split alone", "value"] == pytest.approx(0.25)
    assert "rate by family" not in table.index


def test_a_missing_split_is_missing_and_not_zero():
    table = decomposition_table(pd.DataFrame(prompts_of("harm_train", {"fraud": (40, 20)})), point=POINT)
    gaps = table[~table["component"].str.startswith(("rate", "built"))]
    assert table.columns.tolist() == DECOMPOSITION_COLUMNS
    assert gaps["value"].isna().all()
    assert (gaps["n"] == 0).all()


def test_the_prompts_of_the_repository_share_five_families_and_no_style():
    rows = []
    for split in ("harm_train", "harm_test"):
        for index, line in enumerate((PROMPTS / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()):
            prompt = json.loads(line)
            meta = {"family": prompt["meta"]["family"], "style": prompt["meta"]["style"], "id": prompt["id"]}
            rows.append(completion(split, index, refused=index % 3 == 0, alpha=POINT["alpha"]) | meta)
    table = decomposition_table(pd.DataFrame(rows), point=POINT).set_index("component")
    # weapons, fraud, hacking, drugs and surveillance: 94 of 150 in harm_train, 75 of 150 in harm_test.
    assert table.loc["same family", "n"] == 94 + 75
    assert table.loc["same style", "n"] == 0
    assert table.loc["split alone", "method"] == "marginal logistic model (GEE)"
    assert "forgery" in table.loc["family", "sentence"]
