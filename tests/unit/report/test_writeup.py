"""The write-up says the sentences and numbers of the claims, in text that LaTeX and Markdown read."""

import re

import pandas as pd
import pytest
from simulations.null_reports import claims_of
from steering_reliability.claims.finding import finding
from steering_reliability.errors import InputError
from steering_reliability.evidence.summary import summarise
from steering_reliability.report.methods_paragraph import Methods
from steering_reliability.report.writeup import (
    HEADINGS,
    checklist,
    latex,
    latex_results,
    markdown_results,
    results_rows,
    write_writeup,
)
from steering_reliability.text.numbers import interval
from synthetic_run import story

ROWS = pd.DataFrame(story({"harm_train": (2, 30), "harm_test": (2, 30), "benign": (0, 20)}))
CONFIG = {
    "model": {"name": "m"},
    "refusal_tuning": None,
    "direction": {"method": "contrastive_prefix", "file": None, "build_fraction": 0.5, "hook_point": "resid_post"},
    "experiment": {"alpha_unit": "resid_norm"},
    "generation": {"num_samples_per_prompt": 1, "temperature": 0.0, "max_new_tokens": 40, "seed": 0},
    "metrics": {"scorer": None},
    "propensity": {"enabled": True},
    "sanity_checks": {"enabled": False},
}


@pytest.fixture(scope="module")
def claims():
    return claims_of(ROWS).reset_index()


@pytest.fixture(scope="module")
def methods():
    return Methods({"config": CONFIG}, summarise(ROWS))


def test_the_table_has_the_intervals_of_the_claims_and_nothing_that_is_no_change(claims):
    rows = results_rows(claims)
    effect = claims.set_index("claim").loc["effect on harm_test"]
    assert rows[0][2:4] == ["5%", "75%"]
    assert rows[0][4] == f"+70 ({interval(effect['low'], effect['high'])})"
    assert [len(row) for row in rows] == [len(HEADINGS)] * len(rows)
    assert not {"robustness of refusal", "An effect without its cost"} & {row[0] for row in rows}
    assert not any("nan" in cell for row in rows for cell in row)


def test_a_suggestive_change_has_its_corrected_interval():
    claims = claims_of(pd.DataFrame(story({"harm_train": (0, 9), "harm_test": (0, 6), "benign": (0, 0)}))).reset_index()
    effect = results_rows(claims)[0]
    assert re.fullmatch(r"\+15 \(\+\d+ to \+\d+\), corrected [-+]\d+ to \+\d+", effect[4])
    assert effect[-1] == "suggestive, not after correcting for 3 tests"


def test_markdown_and_latex_hold_the_same_cells(claims, methods):
    rows, said = results_rows(claims), finding(claims, summary=methods.summary)
    markdown = markdown_results(rows, said=said)
    assert markdown.startswith("\n\n".join(said))
    tex = latex_results(rows, drawn=["tradeoff", "dose_response"], widths=[8.9, 18.3])
    for row in rows:
        assert f"| {' | '.join(row)} |" in markdown
        assert " & ".join(map(latex, row)) in tex
    assert r"\includegraphics[width=8.9cm]{figures/tradeoff.pdf}" in tex
    assert r"\includegraphics[width=18.3cm]{figures/dose_response.pdf}" in tex
    assert len(re.findall(r"\\begin\{", tex)) == len(re.findall(r"\\end\{", tex))
    assert tex.count("{") == tex.count("}")


def test_every_letter_that_latex_reads_is_escaped():
    assert latex(r"50% of a_b & {c} \d ~ ^ # $ – |x|") == (
        r"50\% of a\_b \& \{c\} \textbackslash{}d \textasciitilde{} \textasciicircum{} \# \$ -- "
        r"\textbar{}x\textbar{}"
    )


def test_the_checklist_says_what_was_chosen_on_what(claims, methods):
    text = checklist(claims, methods=methods)
    assert "- [ ] layers: named in the config; say on what you chose them" in text
    assert "on the harm_train prompts that built the direction and on benign, not on harm_test" in text
    scanned = Methods({"config": CONFIG, "chosen_by_scan": {"layers": [14]}}, methods.summary)
    text = checklist(claims, methods=scanned)
    assert "- [ ] layers: by the scan" in text and "- [ ] strengths: named in the config" in text
    nothing_held = {"config": CONFIG | {"direction": CONFIG["direction"] | {"build_fraction": 1.0}}}
    assert "no harm_train was held out" in checklist(claims, methods=Methods(nothing_held, methods.summary))
    assert " ".join(finding(claims, summary=methods.summary)) in text


def test_a_run_without_figures_is_told_to_draw_them_and_others_are_copied(tmp_path, claims, methods):
    options = {"claims": claims, "methods": methods, "widths": [8.9, 18.3], "output": tmp_path / "writeup"}
    with pytest.raises(InputError, match="no figures as PDF"):
        write_writeup(tmp_path / "run", **options)
    assert not (tmp_path / "writeup").exists()
    (tmp_path / "run/figures").mkdir(parents=True)
    (tmp_path / "run/figures/tradeoff.pdf").write_bytes(b"%PDF")
    written = write_writeup(tmp_path / "run", **options)
    assert [path.name for path in written] == [
        "methods.md", "results.md", "results.tex", "checklist.md", "references.bib", "tradeoff.pdf",
    ]  # fmt: skip
    assert written[-1].read_bytes() == b"%PDF"
    cited = set(re.findall(r"@(\w+)", (tmp_path / "writeup/methods.md").read_text(encoding="utf-8")))
    keys = set(re.findall(r"^@\w+\{(\w+),", (tmp_path / "writeup/references.bib").read_text(), re.MULTILINE))
    assert cited and cited == keys
