"""The bibliography holds the papers in use, and each entry is BibTeX."""

import re
from pathlib import Path

from steering_reliability.config.fields import ESTIMATORS
from steering_reliability.report.references import (
    REFERENCES,
    WORKFLOW,
    bibliography,
    intervention_key,
    keys_in_use,
    method_key,
)

DOCS = Path(__file__).parents[3] / "docs"


def test_only_the_papers_of_the_methods_in_use_are_cited_and_each_once():
    found = [*keys_in_use(methods=["contrastive_prefix", "lda"], interventions=["add"], has_steerability=False)]
    assert found[:3] == ["panickssery2023", "marks2023", "turner2023"]
    assert WORKFLOW in found and "tan2024" not in found and "arditi2024" not in found
    both = [*keys_in_use(methods=["difference_in_means"], interventions=["ablate"], has_steerability=True)]
    assert both.count("arditi2024") == 1 and "tan2024" in both


def test_a_method_without_a_paper_has_no_key():
    assert [method_key(name) for name in ("logistic", "outcome_conditioned", "random")] == ["", "", ""]
    assert {method_key(name) for name in ESTIMATORS} <= {"", *REFERENCES}
    assert intervention_key("clamp") == "marshall2024"


def test_entries_are_closed_and_keyed_and_their_numbers_are_those_of_the_docs():
    text = bibliography(list(REFERENCES))
    assert re.findall(r"^@\w+\{(\w+),$", text, re.MULTILINE) == list(REFERENCES)
    assert text.count("{") == text.count("}") and "KEY" not in text
    known = "".join((DOCS / name).read_text(encoding="utf-8") for name in ("method.md", "statistics.md"))
    numbers = re.findall(r"eprint = \{([\d.]+)\}", text)
    assert len(numbers) == 8
    assert [number for number in numbers if number not in known] == []
