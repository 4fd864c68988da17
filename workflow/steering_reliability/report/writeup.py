"""The folder that a paper is written from: methods, tables, figures, checklist, references."""

import math
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from steering_reliability.claims.check_outcome import check_counts, checks_of
from steering_reliability.claims.claim import ROBUSTNESS
from steering_reliability.claims.finding import (
    finding,
    interval_words,
    main_claims,
    other_claims,
    short_name,
    verdict_words,
)
from steering_reliability.claims.free_effect import FREE
from steering_reliability.errors import InputError
from steering_reliability.files import write_text
from steering_reliability.report.methods_paragraph import Methods, methods_paragraph
from steering_reliability.report.page import CAVEATS, FIGURES, MAIN
from steering_reliability.report.references import bibliography
from steering_reliability.results.schema import as_records
from steering_reliability.text.numbers import percent, signed

HEADINGS: Final = (
    "claim",
    "setting",
    "unsteered",
    "steered",
    "change, points (95% interval)",
    "corrected p",
    "verdict",
)
"""Columns of the table of results."""

_TWO_COLUMNS: Final = ("dose_response", "steerability", "scan")


def write_writeup(
    run: Path, *, claims: pd.DataFrame, methods: Methods, widths: Sequence[float], output: Path
) -> list[Path]:
    """Write the folder of a finished run, whose figures have these `widths` (centimetres), and return its files.

    Raises:
        InputError: When the run has no figures as PDF.
    """
    drawn = [name for name in MAIN if (run / "figures" / f"{name}.pdf").is_file()]
    if not drawn:
        fix = "draw them: snakemake --cores 1 figures"
        raise InputError("the run has no figures as PDF", where=f"{run}/figures", fix=fix)
    rows = results_rows(claims)
    texts = {
        "methods.md": f"{methods_paragraph(methods)}\n",
        "results.md": markdown_results(rows, said=finding(claims, summary=methods.summary)),
        "results.tex": latex_results(rows, drawn=drawn, widths=widths),
        "checklist.md": checklist(claims, methods=methods),
        "references.bib": bibliography(methods.keys),
    }
    for name, text in texts.items():
        write_text(output / name, text)
    (output / "figures").mkdir(parents=True, exist_ok=True)
    figures = [output / "figures" / f"{name}.pdf" for name in drawn]
    for figure in figures:
        shutil.copyfile(run / "figures" / figure.name, figure)
    return [*(output / name for name in texts), *figures]


def results_rows(claims: pd.DataFrame) -> list[list[str]]:
    """Return the cells of the table of results: the changes that the page claims first, then the other ones."""
    every = [*main_claims(claims), *other_claims(claims)]
    changes = [row for row in every if row["claim"] not in (FREE, ROBUSTNESS)]
    return [_cells(row) for row in changes if not math.isnan(row["value"])]


def _cells(claim: Mapping[str, Any]) -> list[str]:
    rates = ["–" if math.isnan(claim[when]) else percent(claim[when]) for when in ("before", "after")]
    change = f"{signed(claim['value'])}{interval_words(claim)}"
    p = "–" if math.isnan(claim["p_corrected"]) else f"{claim['p_corrected']:.2g}"
    return [short_name(claim), str(claim["where"]), *rates, change, p, verdict_words(claim)]


def markdown_results(rows: Sequence[Sequence[str]], *, said: Sequence[str]) -> str:
    """Return the finding and the table of results in Markdown."""
    lines = [" | ".join(HEADINGS), " | ".join(["---"] * len(HEADINGS))]
    lines += [" | ".join(cell.replace("|", r"\|") for cell in row) for row in rows]
    table = "\n".join(f"| {line} |" for line in lines)
    return "\n\n".join([*said, table]) + "\n"


def latex_results(rows: Sequence[Sequence[str]], *, drawn: Sequence[str], widths: Sequence[float]) -> str:
    """Return the table of results (needs booktabs) and the figures (needs graphicx) in LaTeX."""
    lines = [" & ".join(map(latex, row)) + r" \\" for row in (HEADINGS, *rows)]
    table = [
        r"\begin{table*}", r"\centering\small", r"\begin{tabular}{llrrlrl}", r"\toprule", lines[0], r"\midrule",
        *lines[1:], r"\bottomrule", r"\end{tabular}",
        r"\caption{Main results. Changes are paired by prompt; intervals count each template once.}", r"\end{table*}",
    ]  # fmt: skip
    return "\n".join([*table, *(line for name in drawn for line in _figure(name, widths))]) + "\n"


def _figure(name: str, widths: Sequence[float]) -> Iterator[str]:
    is_wide = name in _TWO_COLUMNS
    kind = "figure*" if is_wide else "figure"
    heading, caption = FIGURES[name]
    # Never wider than the text it stands in, so no letter grows beyond those of the paper.
    yield rf"\begin{{{kind}}}"
    yield rf"\centering\includegraphics[width={widths[is_wide]:g}cm]{{figures/{name}.pdf}}"
    yield rf"\caption{{{latex(heading)}. {latex(caption)}}}"
    yield rf"\label{{fig:{name}}}"
    yield rf"\end{{{kind}}}"


_LATEX: Final = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "★": r"$\star$",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", **{char: f"\\{char}" for char in "&%$#_{}"},
}  # fmt: skip


def latex(text: str) -> str:
    """Return text that stands for itself in LaTeX."""
    return re.sub("|".join(map(re.escape, _LATEX)), lambda found: _LATEX[found[0]], text)


def checklist(claims: pd.DataFrame, *, methods: Methods) -> str:
    """Return what a paper should report of this run: what was chosen on what, corrections, controls, limits."""
    config = methods.config
    chosen = methods.provenance.get("chosen_by_scan") or {}
    held = config["direction"]["build_fraction"] < 1
    by_scan = [name for name, part in (("layers", "layers"), ("strengths", "alphas")) if chosen.get(part)]
    by_hand = [name for name in ("layers", "strengths") if name not in by_scan]
    tests = claims["n_tests"].dropna()
    parts: dict[str, list[str]] = {
        "What was chosen on what": [
            *(f"{name}: by the scan, on prompts that the study does not use" for name in by_scan),
            *(f"{name}: named in the config; say on what you chose them" for name in by_hand),
            "recommended setting: on the harm_train prompts that built the direction and on benign, not on harm_test"
            if held else "recommended setting: on harm_train and benign, not on harm_test; no harm_train was held out",
            "most significant setting: on harm_test itself, so nothing is said of other styles there",
        ],
        "Corrections": [
            f"at most {tests.max():.0f} tests are corrected together (Holm)" if len(tests) else "no test was made",
            "intervals of rates are not corrected; a suggestive claim has a corrected interval beside it",
        ],
        "Controls": [
            f"checks: {check_counts(claims)}",
            *(f"{row['claim']}: {row['verdict']}" for row in as_records(checks_of(claims))),
        ],
        "Limits": list(CAVEATS),
    }  # fmt: skip
    blocks = [f"# Reporting checklist\n\nFinding: {' '.join(finding(claims, summary=methods.summary))}"]
    blocks += [f"## {name}\n\n" + "\n".join(f"- [ ] {item}" for item in items) for name, items in parts.items()]
    return "\n\n".join(blocks) + "\n"
