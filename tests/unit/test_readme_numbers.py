"""Every number of docs/results.md stands in the table row that its sentence names; the README repeats some."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from steering_reliability.text.numbers import rounded

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "docs/results.md").read_text(encoding="utf-8")
SEEN, TUNED = RESULTS.split("References to the tables follow.", 1)[1].split("## A model trained to refuse\n", 1)
TUNED, EVERYWHERE = TUNED.split("## Ablation at one block, at several and at all\n", 1)
REFERENCE = re.compile(r"\(`(\w+)/(\w+)`:\s+((?:[^()]|\n)+?)\)")
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e-\d+)?(?![\w])")
WORDS = {"two": 2}

Sentence = tuple[str, list[tuple[str, str, str]]]


def sentences(text: str) -> list[Sentence]:
    """Prose and the rows that follow it; rows in a row belong to the same prose."""
    found: list[Sentence] = []
    start = 0
    for match in REFERENCE.finditer(text):
        prose = " ".join(text[start : match.start()].split())
        row = (match[1], match[2], " ".join(match[3].split()))
        if prose:
            found.append((prose, [row]))
        else:
            found[-1][1].append(row)
        start = match.end()
    return found


def table(run: str, name: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / "docs/results" / run / f"{name}.csv")


def numbers_of(run: str, name: str, row: str) -> set[float]:
    """Every number that a row may be read as."""
    if name == "claims":
        claims = table(run, name)
        found = claims[claims["claim"] == row]
        assert len(found), f"{run}/claims.csv has no claim {row!r}"
        return {abs(float(number)) for text in (*found["sentence"], *found["where"]) for number in NUMBER.findall(text)}
    if name == "statistics":
        known = json.loads((ROOT / "docs/results" / run / f"{row.replace(' ', '_')}.json").read_text(encoding="utf-8"))
        return {0.0} | {round(abs(known[f"mean_projection_{side}"]), 1) for side in ("refusing", "complying")}
    if name == "steerability":
        found = table(run, name).query("role == 'main'")
        wrong = found["share_wrong_way"] * found["n"]
        return {*found["layer"], *found["n"], wrong.max(), *found.loc[found["split"] != "benign", "share_wrong_way"]}
    if name == "gap_tests":
        intervention, layer, alpha = row.split()
        found = table(run, name).query(
            f"intervention == '{intervention}' and layer == {layer} and alpha == {alpha} "
            "and outcome == 'clean_refusal' and prompts == 'unseen'"
        )
        assert len(found) == 1
        return {abs(rounded(100 * found[column].iloc[0])) for column in ("effect_gap", "low", "high")}
    study = table(run, name).query("role == 'main'")
    if row == "unsteered":
        found = study[study["from_baseline"]].head(1)
    else:
        intervention, layer = row.split()
        found = study[(study["intervention"] == intervention) & (study["layer"].astype(str) == layer)]
    assert len(found)
    rates = [column.removesuffix("_n") for column in found if column.endswith("_n")]
    values = {abs(rounded(100 * value)) for column in rates for value in found[column]}
    counts = {rounded(rate) for name in rates for rate in found[name] * found[f"{name}_n"]}
    named = {float(number) for layer in found["layer"].dropna().astype(str) for number in re.findall(r"\d+", layer)}
    return values | counts | {*named, *found["alpha"].abs(), *(n for c in rates for n in found[f"{c}_n"])}


@pytest.mark.parametrize(
    "sentence", [*sentences(SEEN), *sentences(TUNED), *sentences(EVERYWHERE)], ids=lambda one: one[0][:50]
)
def test_a_sentence_says_what_its_row_says(sentence: Sentence):
    prose, rows = sentence
    known = set().union(*(numbers_of(*row) for row in rows))
    said = {abs(float(number)) for number in NUMBER.findall(prose.replace("blocks 8 to 19", ""))}
    said |= {float(WORDS[word]) for word in re.findall(r"\w+", prose.lower()) if word in WORDS}
    missing = {number for number in said if not any(abs(number - other) < 1e-9 for other in known)}
    assert not missing, f"{sorted(missing)} in {prose!r} are not in {rows}"


def test_every_sentence_with_a_number_names_a_row():
    for text in (SEEN, TUNED, EVERYWHERE):
        rest = text[max(match.end() for match in REFERENCE.finditer(text)) :]
        assert not NUMBER.findall(rest), rest
    assert len(sentences(SEEN)) >= 14
    assert len(sentences(TUNED)) >= 6
    assert len(sentences(EVERYWHERE)) >= 9


def test_a_wrong_number_would_be_noticed():
    prose, rows = next(one for one in sentences(SEEN) if "+63 points" in one[0])
    with pytest.raises(AssertionError, match="65"):
        test_a_sentence_says_what_its_row_says((prose.replace("+63", "+65"), rows))


def test_the_verdicts_that_the_text_speaks_of_are_those_of_the_table():
    every = table("smollm2", "claims")
    claims = every.drop_duplicates("claim").set_index("claim")["verdict"]
    most = ", most significant point"
    shown = ["effect on harm_test", f"effect on harm_test{most}", "trade-off", f"trade-off{most}"]
    assert (claims[[*shown, "layer difference"]] == "shown").all()
    assert (claims[["generalization gap", f"generalization gap{most}"]] == "cannot tell").all()
    assert claims["check: other prefix"] == "differs"
    assert claims["check: other seed"] == "cannot tell"
    assert (claims[["check: fluency", "check: length and entropy"]] == "survives").all()
    assert claims["check: opening rule, layer difference"] == "depends on the rule"
    assert claims[f"check: opening rule, effect on harm_test{most}"] == "same verdict"
    # Of the two points the recommended one; the other was chosen by its effect.
    assert "stronger than random" in set(every[every["claim"] == "check: random directions"]["verdict"])
    styles = every.drop_duplicates("claim").set_index("claim")["other_styles"]
    assert styles["effect on harm_test"] == styles["trade-off"] == "holds"
    assert styles[f"trade-off{most}"] == "not given"
    tuned = table("smollm2_refusal_tuned", "claims").drop_duplicates("claim").set_index("claim")["verdict"]
    assert tuned[f"effect on harm_test{most}"] == tuned[f"trade-off{most}"] == "shown"
    assert tuned[f"generalization gap{most}"] == "cannot tell"
    every = table("smollm2_ablate_everywhere", "claims")
    first = every.drop_duplicates("claim").set_index("claim")
    assert (first.loc[["effect on harm_test", "trade-off"], "verdict"] == "shown").all()
    assert (first.loc[["effect on harm_test", "trade-off"], "where"] == "ablate_affine, layer 18, alpha 1").all()
    assert first.loc["generalization gap", "finding"] == "floor"
    assert first.loc["check: fluency", "verdict"] == "cannot tell"
    ablated = table("smollm2_ablate_everywhere", "summary").query("role == 'main' and intervention == 'ablate'")
    assert ablated.groupby("alpha")["refusal_harm_test"].min().is_monotonic_increasing


def test_the_numbers_of_the_readme_are_those_of_the_tables():
    section = README.split("## Result\n", 1)[1].split("\n## ", 1)[0]
    main = table("smollm2", "summary").query("role == 'main' and intervention == 'add'")
    places = ((22, 0), (22, 0.76), (16, 1.1))
    points = [main.query(f"layer == {layer} and alpha == {alpha}").iloc[0] for layer, alpha in places]
    names = {f"refusal on `{split}`": f"clean_refusal_{split}" for split in ("harm_train", "harm_test", "benign")}
    names["helpful answers on `benign`"] = "helpful_benign"
    percent = {name: [f"{rounded(100 * point[column]):g}%" for point in points] for name, column in names.items()}
    for name, values in percent.items():
        assert f"| {name} | {' | '.join(values)} |" in section
    refusal, helpful = percent["refusal on `harm_test`"], percent["helpful answers on `benign`"]
    caption = " ".join(section.partition("\n|")[0].split())
    assert f"from {refusal[0]} to {refusal[2]}" in caption
    assert f"from {helpful[0]} to {helpful[2]}" in caption
    rows = {"Effect": "effect on harm_test", "Generalization": "generalization gap", "Cost": "trade-off"}
    rows["Controls"] = "check: random directions"
    for name, row in rows.items():
        sentence = re.search(rf"- \*\*{name}\.\*\*(.*)", section)[1]
        test_a_sentence_says_what_its_row_says((sentence.replace("95% interval", ""), [("smollm2", "claims", row)]))
    ablated = section.partition("`configs/ablate_everywhere.yaml`")[2]
    cited = [("smollm2_ablate_everywhere", "claims", row) for row in ("effect on harm_test", "trade-off")]
    test_a_sentence_says_what_its_row_says((ablated, cited))
