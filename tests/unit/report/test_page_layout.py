"""What a reader sees of the page: nothing cut off on a phone or a desk, every mark and text against its background."""

import pytest
from steering_reliability.claims.evidence_tables import make_claim_tables
from steering_reliability.evidence.equal_kl import equal_kl_table
from steering_reliability.evidence.grid_tests import study_of
from steering_reliability.evidence.sanity_checks import sanity_checks
from steering_reliability.evidence.steerability import prompt_steerability
from written_page import needs_chromium, write_page

pytestmark = needs_chromium

WIDTHS = (360, 768, 1440)


@pytest.fixture(scope="module")
def whole_page(results, summary, tmp_path_factory):
    """A page with every claim and check: 31 operating points, three layers, both interventions."""
    sanity = sanity_checks(results, summary=summary)
    equal_kl = equal_kl_table(results)
    claims = make_claim_tables(study_of(results), summary=summary, sanity=sanity, equal_kl=equal_kl)["claims"]
    folder = tmp_path_factory.mktemp("whole")
    return write_page(folder, results, summary, tables={"sanity": sanity, "claims": claims})


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_as_wide_as_the_window(visit, whole_page, width):
    page = visit(whole_page, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_on_a_desk_the_operating_points_fit_their_box(visit, whole_page):
    page = visit(whole_page, width=1440)
    box = "document.querySelector('.points').closest('.scroll')"
    assert page.evaluate(f"{box}.scrollWidth - {box}.clientWidth") == 0


@pytest.mark.parametrize("width", WIDTHS)
def test_the_read_buttons_are_seen_without_scrolling_sideways(visit, whole_page, width):
    page = visit(whole_page, width=width)
    places = page.locator("[data-open]").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect()).map(box => [box.left, box.right, box.width])"
    )
    assert len(places) == 1 + 3 * 7 + 3 * 2
    assert all(left >= 0 and right <= width and wide > 20 for left, right, wide in places)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_claim_has_room_for_its_words(visit, whole_page, width):
    page = visit(whole_page, width=width)
    widths = page.locator("#claims + .scroll td.sentence").evaluate_all(
        "all => all.map(one => one.getBoundingClientRect().width)"
    )
    assert len(widths) >= 4
    assert min(widths) >= 240


def test_a_phone_is_not_scrolled_for_ever(visit, whole_page):
    page = visit(whole_page, width=360)
    assert page.evaluate("document.documentElement.scrollHeight") <= 12_000
    # What is folded opens, with its chart drawn.
    page.locator("#gap_vs_alpha summary").first.click()
    assert page.locator("#gap_vs_alpha .mark-symbol path").first.is_visible()


def test_on_a_desk_and_on_paper_nothing_is_folded(visit, whole_page):
    assert visit(whole_page, width=1440).locator("details.folds:not([open])").count() == 0
    phone = visit(whole_page, width=360)
    assert phone.locator("details.folds:not([open])").count() > 5
    phone.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert phone.locator("details.folds:not([open])").count() == 0


CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const paper = rgba(getComputedStyle(document.body).backgroundColor);
  const light = (rgb) => rgb.map((v) => v / 255).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [.2126, .7152, .0722][at], 0);
  const contrast = (colour, opacity) => {
    if (colour === "none") return 0;
    const [r, g, b, a] = rgba(colour);
    const seen = [r, g, b].map((v, at) => v * a * opacity + paper[at] * (1 - a * opacity));
    const [low, high] = [light(seen), light(paper.slice(0, 3))].sort((x, y) => x - y);
    return (high + .05) / (low + .05);
  };
  const opacity = (node) => node === document.body ? 1 : getComputedStyle(node).opacity * opacity(node.parentElement);
  const found = [];
  for (const node of document.querySelectorAll("[data-chart] svg :is(path, line, text)")) {
    if (node.closest(".role-axis-grid") || node.matches(".background, .foreground")) continue;
    const style = getComputedStyle(node), through = opacity(node);
    const isText = node.tagName === "text";
    const onCell = isText && node.closest("[data-chart^=heatmap] .mark-text.role-mark");
    if (style.display === "none" || through === 0 || onCell || (isText && !node.textContent.trim())) continue;
    const fill = contrast(style.fill, through * style.fillOpacity);
    const stroke = contrast(style.stroke, through * style.strokeOpacity);
    if (style.fill === "none" && style.stroke === "none") continue;
    found.push([isText ? "text" : "mark", isText ? fill : Math.max(fill, stroke),
      node.closest("[data-chart]").dataset.chart, node.parentElement.getAttribute("class"), style.fill, style.stroke]);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_mark_and_text_of_a_chart_is_seen(visit, whole_page, scheme):
    """WCAG 1.4.11 and 1.4.3: 3 for marks that mean something, 4.5 for text; lines of the grid mean nothing."""
    found = visit(whole_page, color_scheme=scheme).evaluate(CONTRASTS)
    assert len({chart for _, _, chart, *_ in found}) == 6
    assert len(found) > 1000
    faint = [one for one in found if one[1] < {"mark": 3.0, "text": 4.5}[one[0]]]
    assert faint == []


def test_each_panel_of_the_steerability_chart_draws_its_own_prompts(visit, whole_page, results):
    page = visit(whole_page)
    per_panel = page.locator("[data-chart=steerability] svg").evaluate(
        "svg => [...svg.querySelectorAll('.mark-symbol.role-mark')].map(group => group.querySelectorAll('path').length)"
    )
    prompts = prompt_steerability(results)
    rows = prompts[(prompts["role"] == "main") & prompts["slope"].notna()].groupby("layer").size()
    assert [n for n in per_panel if n] == rows.tolist()
    assert len(rows) == 3


def test_the_unsteered_model_is_a_star_that_is_not_at_a_layer(visit, whole_page):
    page = visit(whole_page)
    page.locator("[data-chart=tradeoff] path[aria-label*='point: unsteered']").first.hover()
    page.wait_for_selector("#vg-tooltip-element.visible")
    words = page.locator("#vg-tooltip-element").inner_text()
    assert "unsteered" in words
    assert "layer" not in words
