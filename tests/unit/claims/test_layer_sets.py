"""Sets of layers and other methods, from a results table to every table of evidence."""

import re

import pandas as pd
import pytest
from steering_reliability.claims.evidence_tables import make_evidence_tables
from steering_reliability.evidence.sanity_checks import sanity_checks
from steering_reliability.evidence.summary import summarise
from steering_reliability.results.tables import read_table, write_table
from synthetic_run import claims, realistic_results, story

# In the order of the blocks, which is not that of the letters: there 10-18 stands before 2.
NAMES = {"10": "2", "14": "10", "18": "10-18"}
WORDS = {"10": "layer 2", "14": "layer 10", "18": "layers 10-18"}
LAYER_COLUMNS = ["layer", "other_layer"]


def tables_of(results, folder):
    """Every table, written and read as the rules do."""
    summary = summarise(results)
    write_table(summary, folder / "summary.csv")
    summary = read_table(folder / "summary.csv")
    sanity = sanity_checks(results, summary=summary)
    tables = make_evidence_tables(results, summary=summary, sanity=sanity, seed=0)
    for name, table in tables.items():
        write_table(table, folder / f"{name}.csv")
    return {"summary": summary, "sanity": sanity} | {name: read_table(folder / f"{name}.csv") for name in tables}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return tables_of(realistic_results(), tmp_path_factory.mktemp("blocks"))


def in_sets(text):
    text = re.sub(r"layer (10|14|18) minus (10|14|18)", lambda found: f"layer {found[1]} minus layer {found[2]}", text)
    text = re.sub(r"layer (10|14|18)\b", lambda found: WORDS[found[1]], text)
    return text.replace("layer 2 minus layer 10", "layer 2 minus 10")


def test_a_set_is_one_more_place_in_every_table(tables, tmp_path):
    """The same completions under other names give the same rows in the same order, with the names in the words."""
    results = realistic_results()
    found = tables_of(results.assign(layer=results["layer"].map(NAMES)), tmp_path)
    assert set(found) == set(tables)
    for name, table in tables.items():
        expected = table.copy()
        for column in expected.columns.intersection(LAYER_COLUMNS):
            expected[column] = expected[column].map(NAMES)
        for column in expected.columns.intersection(["condition", "where", "sentence"]):
            expected[column] = expected[column].map(in_sets, na_action="ignore")
        pd.testing.assert_frame_equal(found[name], expected, obj=name)
    sentence = found["claims"].set_index("claim").loc["layer difference", "sentence"]
    assert re.search(r"at layer(s 10-18| 10| 2) than at layer(s 10-18| 10| 2)\b", sentence)


def test_other_methods_enter_no_claim_no_choice_and_no_test(tables, tmp_path):
    study = realistic_results()
    main = study[study["role"] == "main"]
    # A method that refuses everything for free would be recommended and lie on the frontier.
    perfect = main.assign(role="method", direction="pca", is_degenerate=False)
    steered = ~perfect["from_baseline"].astype(bool)
    perfect.loc[steered, "is_refusal"] = perfect.loc[steered, "split"] != "benign"
    perfect.loc[steered, "is_helpful"] = perfect.loc[steered, "split"] == "benign"
    found = tables_of(pd.concat([study, perfect], ignore_index=True), tmp_path)
    assert set(found["summary"]["role"]) >= {"main", "method"}
    assert not found["summary"].loc[found["summary"]["role"] == "method", "on_pareto"].any()
    for name in tables:
        if name == "methods":
            continue
        table = found[name]
        kept = table[table["role"] != "method"].reset_index(drop=True) if "role" in table else table
        pd.testing.assert_frame_equal(kept, tables[name], obj=name)
    assert tables["methods"].empty
    verdicts = found["methods"].dropna(subset=["verdict"])
    assert verdicts["verdict"].eq("higher").any()
    assert set(verdicts["direction"]) == {"pca"}
    assert not found["claims"]["sentence"].str.contains("pca").any()


@pytest.mark.parametrize(
    ("layer", "place", "sentence"),
    [
        ("18", "add 0.5: layer 14 minus 18", "at layer 14 than at layer 18:"),
        ("10-18", "add 0.5: layer 14 minus layers 10-18", "at layer 14 than at layers 10-18:"),
        ("10+14+18", "add 0.5: layer 14 minus layers 10, 14 and 18", "at layer 14 than at layers 10, 14 and 18:"),
        ("all", "add 0.5: layer 14 minus all layers", "at layer 14 than at all layers:"),
    ],
)
def test_the_claim_that_layers_differ_names_sets_in_words(layer, place, sentence):
    rows = story({"harm_train": (2, 30), "harm_test": (2, 34), "benign": (0, 0)})
    rows += story({"harm_train": (2, 30), "harm_test": (2, 6), "benign": (0, 0)}, layer=layer)
    row = claims(rows).loc["layer difference"]
    assert row["where"] == place
    assert f"Refusal on harm_test is higher {sentence}" in row["sentence"]
