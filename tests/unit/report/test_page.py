import base64
import gzip
import hashlib
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
import yaml
from steering_reliability.claims.evidence_tables import make_claim_tables
from steering_reliability.evidence.by_group import by_group
from steering_reliability.evidence.claim_points import claim_points
from steering_reliability.evidence.equal_kl import equal_kl_table
from steering_reliability.evidence.grid_tests import study_of
from steering_reliability.evidence.sanity_checks import sanity_checks
from steering_reliability.evidence.steerability import prompt_steerability
from steering_reliability.evidence.summary import summarise
from steering_reliability.report.page import FIGURES, RunTables, write_report
from steering_reliability.report.rule_graph import RULES
from steering_reliability.run.times import StageTime
from steering_reliability.text.numbers import interval, signed
from synthetic_run import completion, measured_shift, realistic_results, tiny_results

HOSTILE = "</pre></details>'\"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}\x1b\u202eabc"
VOID = {"meta", "img", "br", "wbr", "input"}


class Page(HTMLParser):
    """Collects tags and attributes, and fails where tags do not close in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.open = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def write(folder, results, *, title="a run", provenance=None, times=(), shift=None):
    summary = summarise(results)
    (folder / "dose_response.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    output = folder / "index.html"
    sanity, study = sanity_checks(results, summary=summary), study_of(results)
    tables = RunTables(
        summary=summary, sanity=sanity, claims=_claims(results, summary, sanity),
        prompt_steerability=prompt_steerability(results), shift=measured_shift() if shift is None else shift,
        by_group=by_group(study.rows, points=claim_points(summary, tests=study.tests)),
    )  # fmt: skip
    write_report(
        results, tables=tables, figures_dir=folder, output=output, title=title, provenance=provenance, times=times
    )
    return output.read_text()


def _claims(results, summary, sanity):
    equal_kl = equal_kl_table(results)
    return make_claim_tables(study_of(results), summary=summary, sanity=sanity, equal_kl=equal_kl)["claims"]


def test_effects_by_style_and_topic_are_in_a_folded_table_of_a_run_that_has_any(tmp_path):
    page = write(tmp_path, realistic_results())
    title = "The effect on refusal by style and by topic"
    # Two points, three splits, four styles and three topics.
    assert f'<details class="folds"><summary>{title} (42 groups)</summary>' in page
    assert "<td>fraud<small>topic</small></td>" in page
    assert title not in write(tmp_path, tiny_results().query("alpha == 0"))


@pytest.mark.parametrize("make", [realistic_results, tiny_results])
def test_the_page_is_well_formed_and_asks_nothing_of_the_network(tmp_path, make):
    text = write(tmp_path, make())
    page = Page(text)
    assert not [value for name, value in page.attributes if name == "src" and not value.startswith("data:")]
    assert all(value.startswith("#") for name, value in page.attributes if name == "href")
    assert all(value.startswith("data:image/svg+xml;base64,") for name, value in page.attributes if name == "src")
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]
    assert "default-src 'none'" in text
    assert "url(" not in text[: text.index("<script")]


def test_the_policy_admits_the_style_and_the_scripts_that_are_there(tmp_path):
    text = write(tmp_path, tiny_results())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    scripts = re.findall(r"<script(?: type=\"module\")?>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 2
    for part in (style, *scripts):
        assert f"sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}" in policy


def test_no_text_breaks_the_page(tmp_path):
    pages = []
    for name in ("run", HOSTILE):
        results = tiny_results()
        for column in ("prompt", "completion", "family", "style"):
            results[column] = name
        results["matched_phrases"] = [[name] if refused else [] for refused in results["is_refusal"]]
        pages.append(write(tmp_path, results, title=name, provenance={"model": {"name": name}}))
    calm, text = pages
    assert Page(text).tags == Page(calm).tags
    assert "{{ 7 * 7 }}" in text[: text.index("<script>")]
    assert not set(text) & {"\x1b", "\u202e"}


def test_figures_that_are_there_are_embedded_with_their_caption(tmp_path):
    text = write(tmp_path, tiny_results())
    assert text[: text.index("<script>")].count("<img ") == 1
    assert f'alt="{FIGURES["dose_response"][1]}"' in text


def test_the_table_has_the_baseline_once_and_marks_the_recommended_point(tmp_path):
    text = write(tmp_path, realistic_results())
    assert text.count('<tr class="baseline">') == 1
    assert text.count('<tr class="best">') == 1
    assert text.count("contrastive_prefix</small>") == 3 * 7 + 3 * 2


def test_the_recommended_row_has_the_intervals_of_the_claims(tmp_path):
    results = realistic_results()
    summary = summarise(results)
    claims = _claims(results, summary, sanity_checks(results, summary=summary)).set_index("claim")
    text = write(tmp_path, results)
    row = text[text.index('<tr class="best">') :].split("</tr>", 1)[0]
    gap, cost = claims.loc["generalization gap"], claims.loc["trade-off"]
    assert f">{signed(gap['value'])}<small>{interval(gap['low'], gap['high'])}</small>" in row
    # The claim counts what helpfulness changes by, the table what is given up.
    assert f">{signed(-cost['value'])}<small>{interval(-cost['high'], -cost['low'])}</small>" in row


def test_provenance_is_listed_and_the_config_can_be_run_again(tmp_path):
    config = {"model": {"name": "m"}, "experiment": {"layers": [1, 2]}}
    text = write(tmp_path, tiny_results(), provenance={"versions": {"torch": "2.13"}, "config": config})
    assert "versions.torch" in text
    packed = re.search(r'id="file-study.yaml">([^<]*)<', text)[1]
    assert yaml.safe_load(gzip.decompress(base64.b64decode(packed))) == config


def answers_of(text):
    return text[text.index('class="answers"') : text.index('id="figures"')]


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        (measured_shift(), "harm_test is shifted from harm_train"),
        (measured_shift(0.49, 0.38, 0.6), "No shift was found between harm_train and harm_test"),
        (measured_shift(n=0), "Whether harm_test is shifted from harm_train is unchecked"),
    ],
)
def test_what_was_measured_of_the_shift_is_said_once_and_nothing_else_calls_prompts_shifted(tmp_path, shift, words):
    text = write(tmp_path, realistic_results(), shift=shift)
    body = text[text.index("<body>") : text.index("<script")].replace("measure_shift", "")
    assert words in body
    assert body.lower().count("shift") == 1
    assert "out of distribution" not in body


def test_the_answer_to_the_three_questions_stands_first(tmp_path):
    answer = answers_of(write(tmp_path, realistic_results()))
    questions = ("Steering raises refusal on harm_test", "whether steering does as much on harm_test", "a trade-off")
    assert [answer.count(words) for words in questions] == [1, 1, 1]
    assert answer.count("95% interval") == 3
    assert answer.count("for other styles") == 3
    assert answer.count("most significant") == 0


def test_an_answer_that_only_another_point_gives_stands_beside_that_of_the_recommended_one(tmp_path):
    # Layer 18 refuses far more, at a cost that keeps it from being recommended; at layer 14 nothing changes.
    rows = [
        completion(split, index, refused=index < (refusals if alpha else 0), alpha=alpha) | {"layer": layer}
        for layer, after in ((14, (1, 0, 0)), (18, (30, 30, 30)))
        for split, refusals in zip(("harm_train", "harm_test", "benign"), after, strict=True)
        for alpha in (0.0, 0.5)
        for index in range(40)
    ]
    answer = answers_of(write(tmp_path, pd.DataFrame(rows)))
    assert [answer.count(words) for words in ("add, layer 14, alpha 0.5", "add, layer 18, alpha 0.5")] == [3, 2]
    assert answer.index("cannot tell whether steering changes refusal") < answer.index("Steering raises refusal")


def test_what_may_be_claimed_is_a_table(tmp_path):
    text = write(tmp_path, realistic_results())
    claims = text[text.index('id="claims"') : text.index('id="points"')]
    # Seven claims and the robustness; in a table of their own each again by the opening rule, six sanity checks, one at
    # equal KL.
    own, checks = claims.split("checks of these claims")
    assert [part.count("<tr>") for part in (own, checks)] == [1 + 7 + 1, 1 + 7 + 6 + 1]
    for name in ("generalization gap", "check: opening rule, trade-off", "check: random directions"):
        assert f'<td class="name">{name}<small>' in claims
    assert "at equal KL: random directions" in claims
    # At points that were chosen by their p nothing is said of other styles.
    assert [claims.count(f'"other styles">{words}</td>') for words in ("holds", "not given")] == [1, 4]


def test_the_same_inputs_give_the_same_bytes(tmp_path):
    assert write(tmp_path, realistic_results()) == write(tmp_path, realistic_results())


def test_a_run_with_missing_pieces_still_has_its_page(tmp_path):
    results = tiny_results()
    text = write(tmp_path, results[results["split"] == "harm_test"])
    assert "none is recommended" in text
    assert "no completions for benign" in text
    assert not re.search(r"\bnan\b", text[: text.index("<script>")], re.IGNORECASE)


def test_run_times_are_on_the_page_only_when_they_are_asked_for(tmp_path):
    without = write(tmp_path, tiny_results())
    assert "report.run_times: true" in without
    text = write(tmp_path, tiny_results(), times=[StageTime("completions", 9, "2026-01-02 03:04:05", 61.4)])
    assert '<td>2026-01-02 03:04:05</td><td class="number">61 s</td>' in text
    assert "report.run_times: true" not in text


def test_the_rules_are_drawn(tmp_path):
    text = write(tmp_path, tiny_results())
    assert len(re.findall(r"<rect ", text[: text.index("<script")])) == len(RULES)
