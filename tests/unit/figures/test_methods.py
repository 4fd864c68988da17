"""The methods at equal KL, drawn."""

import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.methods import METHODS_COLUMNS
from steering_reliability.figures.methods import draw_methods


def rows(direction, effects, *, layer="14", intervention="add", sign=1, verdict=None, reach=1.0):
    """Build a method's rows at KLs of 0.1 and 0.4; beyond its reach it has none."""
    shared = {"direction": direction, "role": "main" if direction == "v" else "method", "intervention": intervention}
    table = []
    for kl, effect in zip((0.1, 0.4), effects, strict=True):
        row = {**shared, "layer": layer, "seed": 0, "sign": sign, "kl": kl, "verdict": verdict if kl == 0.4 else None}
        for name in ("clean_refusal_effect_harm_train", "clean_refusal_effect_harm_test", "helpfulness_drop"):
            known = kl <= reach
            row |= {name: effect if known else np.nan, f"{name}_n": 60 if known else 0}
            row |= {f"{name}_{end}": row[name] + by for end, by in (("low", -0.1), ("high", 0.1))}
        table.append(row)
    return table


def drawn(*parts, title="a model"):
    return draw_methods(pd.DataFrame([row for part in parts for row in part], columns=METHODS_COLUMNS), title=title)


def test_a_row_per_place_and_a_line_per_method(of_marker):
    figure = drawn(
        *(rows(name, effects, layer=layer, intervention=kind)
          for kind, layer in (("ablate_affine", "14"), ("add", "10-18"), ("add", "2"))
          for name, effects in (("v", (0.2, 0.5)), ("pca", (0.1, 0.3)))),
        rows("v", (-0.1, -0.2), layer="2", sign=-1), rows("pca", (-0.1, -0.2), layer="2", sign=-1),
    )  # fmt: skip
    titles = [axes.get_title(loc="left").split("\n") for axes in figure.axes]
    assert [words for _, words in titles[:3]] == [
        "refusal, harm_train",
        "refusal, harm_test",
        "helpfulness lost, benign",
    ]
    assert [place for place, _ in titles[::3]] == [
        "add at layer 2, alpha below 0", "add at layer 2", "add at layers 10-18", "ablate_affine at layer 14"
    ]  # fmt: skip
    (line,) = of_marker(figure.axes[4], "o")
    assert line.get_xydata().tolist() == [[0, 0], [0.1, 0.2], [0.4, 0.5]]
    (line,) = of_marker(figure.axes[4], "s")
    assert line.get_xydata().tolist() == [[0, 0], [0.1, 0.1], [0.4, 0.3]]
    legend = [text.get_text().replace("\n", " ") for text in figure.axes[2].get_legend().get_texts()]
    assert legend == ["v", "pca", "differs from v"]
    assert "n = 60 harm_train, 60 harm_test, 60 benign" in figure.get_supxlabel()


@pytest.mark.parametrize(("verdict", "circles"), [("higher", 1), ("lower", 1), ("cannot tell", 0), (None, 0)])
def test_only_a_difference_that_is_shown_is_circled_and_on_harm_test_alone(verdict, circles):
    figure = drawn(rows("v", (0.2, 0.5)), rows("pca", (0.1, 0.3), verdict=verdict))
    found = [[line for line in axes.lines if line.get_markersize() == 11] for axes in figure.axes]
    assert [len(lines) for lines in found] == [0, circles, 0]


def test_a_method_ends_where_its_kl_does(of_marker):
    figure = drawn(rows("v", (0.2, 0.5)), rows("pca", (0.1, 0.3), reach=0.2))
    assert of_marker(figure.axes[1], "s")[0].get_xdata().tolist() == [0, 0.1]


def test_one_method_gives_a_figure_that_says_so():
    figure = drawn()
    assert [text.get_text() for text in figure.axes[0].texts] == [
        "This run has one method: there is nothing to compare."
    ]
    assert not figure.axes[0].lines
