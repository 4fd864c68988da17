import re

import pytest
from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.evidence.summary import summarise
from steering_reliability.report.examples import select_examples, write_examples
from synthetic_run import FAMILIES, tiny_results

HOSTILE = "</pre></details>\n\n```\n<script>alert(1)</script>\n# heading\n\x1b[2J\u202eabc"


@pytest.fixture
def write(tmp_path):
    """Return a function that writes examples.md of some results and returns its text."""

    def write(results, *, title="a run", summary=None):
        summary = summarise(results) if summary is None else summary
        write_examples(results, summary=summary, output=tmp_path / "e.md", title=title)
        return (tmp_path / "e.md").read_text()

    return write


def test_prompts_spread_over_families_and_styles_whatever_the_order_or_the_outcome(results, summary):
    chosen = select_examples(results, summary=summary, per_split=4)["harm_test"]
    assert {example.prompt.family for example in chosen} == set(FAMILIES)
    assert len({example.prompt.style for example in chosen}) >= 3
    flipped = results.assign(is_refusal=~results["is_refusal"]).sample(frac=1, random_state=1)
    ids = [
        [
            (split, example.prompt.id)
            for split, examples in select_examples(one, summary=summary).items()
            for example in examples
        ]
        for one in (results, flipped)
    ]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 15


def test_examples_pair_the_recommended_point_with_the_baseline(results, summary):
    best = recommended_point(summary)
    for example in select_examples(results, summary=summary)["harm_test"]:
        assert example.baseline["alpha"] == 0.0
        assert (example.steered["alpha"], example.steered["layer"]) == (best["alpha"], best["layer"])
        assert example.steered["prompt"] == example.baseline["prompt"] == example.prompt.prompt


def test_the_page_has_five_prompts_of_each_split_with_scores_and_phrases(write, results, summary, tmp_path):
    page = write(results, summary=summary)
    assert page.count("<details>") == page.count("</details>") == 10
    assert page.count("**Unsteered**") == page.count("**Steered**") == 15
    assert "matched phrases: “i&#39;m sorry”" in page
    assert "refusal score 0.90" in page
    assert [path.name for path in tmp_path.iterdir()] == ["e.md"]


def test_no_text_breaks_the_page(write):
    results = tiny_results()
    calm = write(results)
    for column in ("prompt", "completion", "family", "style"):
        results[column] = HOSTILE
    results["matched_phrases"] = [[HOSTILE]] * len(results)
    page = write(results, title=HOSTILE)
    tags = [re.findall(r"</?\w+>", text) for text in (calm, page)]
    assert tags[0] == tags[1]
    assert "<script" not in page
    assert not set(page) & {"\x1b", "\u202e"}
    assert not re.search(r"^# heading|^```", re.sub(r"<pre>.*?</pre>", "", page, flags=re.DOTALL), re.MULTILINE)


def test_without_a_steered_point_the_baseline_is_shown(write):
    results = tiny_results()
    page = write(results[results["from_baseline"]])
    assert "no steered operating point" in page
    assert page.count("**Unsteered**") == 9
    assert "**Steered**" not in page


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_prompt_without_family_is_shown(write, missing):
    assert "unknown · " in write(tiny_results().assign(family=missing))
