import re

import pytest
from steering_reliability.evidence.pareto import recommended_point
from steering_reliability.evidence.summary import summarise
from steering_reliability.report.examples import select_examples, write_examples
from synthetic_run import FAMILIES, realistic_results, tiny_results

HOSTILE = "</pre></details>\n\n```\n<script>alert(1)</script>\n# heading\n\x1b[2J\u202eabc"


def test_prompts_spread_over_families_and_styles():
    results = realistic_results()
    chosen = select_examples(results, summary=summarise(results), per_split=4)["harm_test"]
    assert len({example.id for example in chosen}) == 4
    assert {example.family for example in chosen} == set(FAMILIES)
    assert len({example.style for example in chosen}) >= 3


def test_the_choice_does_not_depend_on_the_order_or_on_the_outcome():
    results = realistic_results()
    summary = summarise(results)
    flipped = results.assign(is_refusal=~results["is_refusal"]).sample(frac=1, random_state=1)
    ids = [[e.id for split in chosen.values() for e in split] for chosen in
           (select_examples(results, summary=summary), select_examples(flipped, summary=summary))]  # fmt: skip
    assert ids[0] == ids[1]
    assert len(ids[0]) == 15


def test_examples_pair_the_recommended_point_with_the_baseline():
    results = realistic_results()
    summary = summarise(results)
    best = recommended_point(summary)
    for example in select_examples(results, summary=summary)["harm_test"]:
        assert example.baseline["alpha"] == 0.0
        assert example.steered["alpha"] == best["alpha"]
        assert example.steered["layer"] == best["layer"]
        assert example.steered["prompt"] == example.baseline["prompt"] == example.prompt


def test_the_page_has_five_prompts_of_each_split_with_scores_and_phrases(tmp_path):
    results = realistic_results()
    write_examples(results, summary=summarise(results), output=tmp_path / "e.md", title="a run")
    page = (tmp_path / "e.md").read_text()
    assert page.count("<details>") == page.count("</details>") == 10
    assert page.count("**Unsteered**") == page.count("**Steered**") == 15
    assert "matched phrases: “i&#39;m sorry”" in page
    assert "refusal score 0.90" in page
    assert [path.name for path in tmp_path.iterdir()] == ["e.md"]


def test_no_text_breaks_the_page(tmp_path):
    results = tiny_results()
    calm = tmp_path / "calm.md"
    write_examples(results, summary=summarise(results), output=calm, title="run")
    for column in ("prompt", "completion", "family", "style"):
        results[column] = HOSTILE
    results["matched_phrases"] = [[HOSTILE]] * len(results)
    write_examples(results, summary=summarise(results), output=tmp_path / "hostile.md", title=HOSTILE)
    page = (tmp_path / "hostile.md").read_text()
    tags = [re.findall(r"</?\w+>", text) for text in (calm.read_text(), page)]
    assert tags[0] == tags[1]
    assert "<script" not in page
    assert not set(page) & {"\x1b", "\u202e"}
    assert not re.search(r"^# heading|^```", re.sub(r"<pre>.*?</pre>", "", page, flags=re.DOTALL), re.MULTILINE)


def test_without_a_steered_point_the_baseline_is_shown(tmp_path):
    results = tiny_results()
    results = results[results["from_baseline"]]
    write_examples(results, summary=summarise(results), output=tmp_path / "e.md", title="run")
    page = (tmp_path / "e.md").read_text()
    assert "no steered operating point" in page
    assert page.count("**Unsteered**") == 9
    assert "**Steered**" not in page


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_prompt_without_family_is_shown(tmp_path, missing):
    results = tiny_results().assign(family=missing)
    write_examples(results, summary=summarise(results), output=tmp_path / "e.md", title="run")
    assert "unknown · " in (tmp_path / "e.md").read_text()
