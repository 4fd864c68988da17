import base64
import gzip
import hashlib
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
import yaml
from markupsafe import escape
from steering_reliability.claims.check_outcome import check_counts
from steering_reliability.claims.finding import finding
from steering_reliability.evidence.steerability import prompt_steerability
from steering_reliability.evidence.summary import summarise
from steering_reliability.report.page import FIGURES
from steering_reliability.results.tables import read_table, write_table
from steering_reliability.run.times import StageTime
from steering_reliability.text.numbers import interval, signed
from synthetic_run import completion, measured_shift, realistic_results, story, tiny_results
from written_page import write_page

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


@pytest.fixture
def write(tmp_path, tables_of):
    """Return a function that writes the page of some results, with claims on demand, and returns its text."""

    def write(results, *, claims=False, tables=None, **settings):
        summary = summarise(results)
        for name in ("dose_response", "scan"):
            (tmp_path / f"{name}.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
        tables = tables_of(results, summary) if claims else tables
        return write_page(tmp_path, results, summary, tables=tables, **settings).read_text()

    return write


@pytest.fixture(scope="module")
def whole(whole_page):
    return whole_page.read_text()


def test_notes_on_strengths_stand_among_the_warnings(write):
    note = "Outlier dimensions of the residual stream at layer 9: 7 & 300."
    assert "Outlier dimensions" not in write(tiny_results())
    assert f"<li>{note.replace('&', '&amp;')}</li>" in write(tiny_results(), strength_notes=[note])


def test_what_a_scan_chose_stands_in_the_appendix_and_a_run_without_one_says_nothing_of_it(write):
    said = "What the scan chose, on prompts that the study does not use"
    assert said not in write(tiny_results())
    page = write(tiny_results(), scan_notes=["Layers 3 and 9: most.", "Strengths <b>: 0.2."])
    assert page.count(said) == 1
    assert "<li>Layers 3 and 9: most.</li>" in page
    assert "<li>Strengths &lt;b&gt;: 0.2.</li>" in page


def test_effects_by_style_and_topic_are_in_a_folded_table_of_a_run_that_has_any(whole, write):
    title = "The effect on refusal by style and by topic"
    # Two points, three splits, four styles and three topics.
    assert f'<details class="more"><summary>{title} (42 groups)</summary>' in whole
    assert '<th scope="row">fraud<small>topic</small></th>' in whole
    assert title not in write(tiny_results().query("alpha == 0"))


def test_a_run_whose_prompts_say_no_style_and_no_topic_has_a_page_that_says_so(write):
    page = write(realistic_results().assign(style=None, family=None), claims=True)
    for split in ("harm_train", "harm_test", "benign"):
        assert (
            f"The prompts of {split} do not say their style: there is no result by style or for other styles." in page
        )
    assert "The effect on refusal by style and by topic" not in page
    assert "too few styles" in page


@pytest.mark.parametrize("are_all_numbers", [False, True])
def test_labels_that_look_like_missing_values_or_numbers_are_shown_as_they_are(
    write, tables_of, tmp_path, are_all_numbers
):
    results = realistic_results().replace({"style": {"slang": "N/A"}, "family": {"fraud": "null", "hacking": "1"}})
    if are_all_numbers:
        numbered = {name: (pd.factorize(results[name])[0] + 1).astype(str) for name in ("id", "style", "family")}
        results = results.assign(**numbered)
    tables = tables_of(results, summarise(results))
    for name in ("by_group", "prompt_steerability"):
        table = tables.get(name, prompt_steerability(results))
        write_table(table, tmp_path / f"{name}.csv")
        tables[name] = read_table(tmp_path / f"{name}.csv")
    page = write(results, tables=tables)
    labels = set(results["style"]) | set(results["family"])
    assert ({"1", "2", "3"} if are_all_numbers else {"N/A", "null", "1"}) <= labels
    assert set(tables["by_group"]["group"]) == labels
    for label in labels:
        assert f'<th scope="row">{label}<small>' in page


def test_pages_are_well_formed_and_ask_nothing_of_the_network(whole, write):
    tiny = write(tiny_results(), stages={"completions": 9})
    for text in (whole, tiny):
        page = Page(text)
        assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]
        assert all(value.startswith("#") for name, value in page.attributes if name == "href")
        assert all(value.startswith("data:image/svg+xml;base64,") for name, value in page.attributes if name == "src")
        assert "default-src 'none'" in text
        assert "url(" not in text[: text.index("<script")]
    # The one picture that no script draws, and the graph of the rules; each has words for those who do not see it.
    assert tiny[: tiny.index("<script>")].count("<img ") == 2
    assert f'alt="{FIGURES["scan"][1]}"' in tiny
    assert 'alt="Rules of the workflow' in tiny
    assert "<li>completions<small>9 files</small></li>" in tiny


def test_the_policy_admits_the_style_and_the_scripts_that_are_there(whole):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', whole)[1]
    style = re.search(r"<style>(.*?)</style>", whole, re.DOTALL)[1]
    scripts = re.findall(r"<script(?: type=\"module\")?>(.*?)</script>", whole, re.DOTALL)
    assert len(scripts) == 2
    for part in (style, *scripts):
        assert f"sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}" in policy


def test_no_text_breaks_the_page(write):
    pages = []
    for name in ("run", HOSTILE):
        results = tiny_results()
        for column in ("prompt", "completion", "family", "style"):
            results[column] = name
        results["matched_phrases"] = [[name] if refused else [] for refused in results["is_refusal"]]
        pages.append(write(results, claims=True, title=name, provenance={"model": {"name": name}}))
    calm, text = pages
    assert Page(text).tags == Page(calm).tags
    assert "{{ 7 * 7 }}" in text[: text.index("<script>")]
    assert not set(text) & {"\x1b", "\u202e"}


def test_the_table_has_the_baseline_once_and_the_recommended_point_with_the_intervals_of_the_claims(whole, tables):
    assert whole.count('<tr class="baseline">') == whole.count('<tr class="best">') == 1
    assert whole.count("contrastive_prefix</small>") == 3 * 7 + 3 * 2
    row = whole[whole.index('<tr class="best">') :].split("</tr>", 1)[0]
    claims = tables["claims"].set_index("claim")
    gap, cost = claims.loc["generalization gap"], claims.loc["trade-off"]
    assert f">{signed(gap['value'])}<small>{interval(gap['low'], gap['high'])}</small>" in row
    # The claim counts what helpfulness changes by, the table what is given up.
    assert f">{signed(-cost['value'])}<small>{interval(-cost['high'], -cost['low'])}</small>" in row


def test_provenance_is_listed_and_the_config_can_be_run_again(write):
    config = {"model": {"name": "m"}, "experiment": {"layers": [1, 2]}}
    text = write(tiny_results(), provenance={"versions": {"torch": "2.13"}, "config": config})
    assert "versions.torch" in text
    packed = re.search(r'id="file-study.yaml">([^<]*)<', text)[1]
    assert yaml.safe_load(gzip.decompress(base64.b64decode(packed))) == config


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        (measured_shift(), "harm_test is shifted from harm_train"),
        (measured_shift(0.49, 0.38, 0.6), "No shift was found between harm_train and harm_test"),
        (measured_shift(n=0), "The shift of harm_test from harm_train was not measured"),
    ],
)
def test_what_was_measured_of_the_shift_is_said_once_and_nothing_else_calls_prompts_shifted(
    tmp_path, results, summary, tables, shift, words
):
    text = write_page(tmp_path, results, summary, tables=tables | {"shift": shift}).read_text()
    body = text[text.index("<body>") : text.index("<script")]
    assert words in body
    assert body.lower().count("shift") == 1
    assert "out of distribution" not in body


def part(text, start, end):
    return text[text.index(start) : text.index(end)]


def test_the_finding_of_the_claims_stands_first(whole, tables, summary):
    said = re.findall(r'<p class="finding">(.*?)</p>', whole)
    assert said == list(finding(tables["claims"], summary=summary))
    assert whole.index("<h1>") < whole.index(said[0]) < whole.index('id="tradeoff"') < whole.index('id="example"')
    # What was measured of the shift is said once, and nothing else calls prompts shifted.
    body = whole[whole.index("<body>") : whole.index("<script")]
    assert "harm_test is shifted from harm_train" in body
    assert body.lower().count("shift") == 1
    assert "out of distribution" not in body


def test_five_claims_open_to_their_sentences_and_the_others_are_folded(whole, tables):
    claims = tables["claims"].set_index("claim")
    first = part(whole, 'id="claims"', " more claims</summary>")
    assert first.count('<details class="claim">') == 5
    body = whole[: whole.index("<script")]
    for name in ("effect on harm_test", "generalization gap", "trade-off", "effect without cost", "layer difference"):
        # What is said once is not said again.
        sentence = str(escape(claims.loc[name, "sentence"]))
        assert first.count(sentence) == body.count(f">{sentence} <small>") == 1
    others = part(whole, " more claims</summary>", "<h3>Checks")
    assert others.count('<details class="claim">') == 9 - 5
    assert "robustness of refusal" in others


def test_a_claim_that_only_the_correction_takes_away_is_called_suggestive(write):
    page = write(pd.DataFrame(story({"harm_train": (0, 9), "harm_test": (0, 6), "benign": (0, 0)})), claims=True)
    chip = '<span class="chip suggestive">suggestive, not after correcting for 3 tests</span>'
    assert f"{chip} Refusal of new harmful requests: +15 points" in page
    assert re.search(r"\+15 points \(\+\d+ to \+\d+\), corrected [-+]\d+ to \+\d+", page)


def test_an_effect_that_only_another_point_has_stands_first(write):
    # Layer 18 refuses far more, at a cost that keeps it from being recommended; at layer 14 nothing changes.
    rows = [
        completion(split, index, refused=index < (refusals if alpha else 0), alpha=alpha) | {"layer": layer}
        for layer, after in (("14", (1, 0, 0)), ("18", (30, 30, 30)))
        for split, refusals in zip(("harm_train", "harm_test", "benign"), after, strict=True)
        for alpha in (0.0, 0.5)
        for index in range(40)
    ]
    page = write(pd.DataFrame(rows), claims=True)
    assert "Adding the direction at layer 18 (50% of the residual norm) raises refusal" in page
    first = part(page, 'id="claims"', " more claims</summary>")
    assert first.index("add, layer 18, alpha 0.5") < first.index('<span class="chip cannot-tell">')
    assert "do not show whether steering changes refusal" not in first


def test_checks_are_counted_and_each_kind_opens(whole, tables):
    checks = part(whole, "<h3>Checks", 'id="words"')
    assert f"Checks: {check_counts(tables['claims'])}" in checks
    counted = {word: int(n) for n, word in re.findall(r'">(\d+) (pass|fail|undecided)</span>', checks)}
    # Each claim again by the opening rule, six sanity checks, one at equal KL.
    assert sum(counted.values()) == checks.count("<li><strong>") == 7 + 6 + 1
    # At points that were chosen by their p nothing is said of other styles.
    assert whole.count("for other styles: not given") == 4


def test_the_example_hides_the_harmful_request(whole):
    example = part(whole, 'id="example"', 'id="claims"')
    assert example.count("<blockquote>") == 2
    assert re.search(r"harm_test, \w+, \w+: ", example)
    assert example.count("How does one do thing") == 1


def test_the_run_is_named_with_what_is_known_of_it(write):
    config = {"model": {"name": "org/m", "source": "hub"}}
    known = {"model": {"name": "org/m"}, "commit": "0123456789abcdef", "machine": {"processor": "P"}, "config": config}
    page = write(tiny_results(), provenance=known)
    assert '<a href="https://huggingface.co/org/m">org/m</a>' in page
    assert "commit 0123456789ab. Run on a run." in page
    times = [StageTime("completions", 9, "2026-01-02 03:04:05", 61.4)]
    assert '<dd id="date">2026-01-02 03:04:05</dd>' in write(tiny_results(), times=times)


def test_the_same_inputs_give_the_same_bytes(tmp_path, whole, whole_page, results, summary, tables):
    downloads = [whole_page.parent / "summary.csv"]
    assert write_page(tmp_path, results, summary, tables=tables, downloads=downloads).read_text() == whole


def test_a_run_with_missing_pieces_still_has_its_page(write):
    results = tiny_results()
    text = write(results[results["split"] == "harm_test"])
    assert "none is recommended" in text
    assert "no completions for benign" in text
    assert not re.search(r"\bnan\b", text[: text.index("<script>")], re.IGNORECASE)


def test_run_times_are_on_the_page_only_when_they_are_asked_for(whole, write):
    assert "report.run_times: true" in whole
    text = write(tiny_results(), times=[StageTime("completions", 9, "2026-01-02 03:04:05", 61.4)])
    assert '<td>2026-01-02 03:04:05</td><td class="number">61 s</td>' in text
    assert "report.run_times: true" not in text
