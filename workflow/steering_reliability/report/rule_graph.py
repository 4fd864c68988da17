"""A picture of the workflow's rules for the page, in layers from the prompts to the report."""

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import networkx as nx
import numpy as np
from scipy.optimize import isotonic_regression

RULES: Final = MappingProxyType(
    {
        "prepare_prompts": (),
        "prepare_model": (),
        "measure_lengths": ("prepare_prompts", "prepare_model"),
        "measure_activations": ("prepare_prompts", "prepare_model"),
        "measure_shift": ("prepare_prompts",),
        "build_direction": ("measure_activations",),
        "complete_baseline": ("measure_lengths",),
        "complete_shard": ("measure_lengths", "build_direction"),
        "choose_claim_points": ("complete_baseline", "complete_shard"),
        "aggregate": ("choose_claim_points",),
        "summarise": ("aggregate",),
        "check_sanity": ("summarise",),
        "make_evidence_tables": ("check_sanity",),
        "draw_figures": ("make_evidence_tables",),
        "write_examples": ("summarise",),
        "record_provenance": ("make_evidence_tables", "measure_shift"),
        "write_report": ("draw_figures", "record_provenance"),
        "record_checksums": ("write_report", "write_examples"),
    }
)
"""Each rule and those it waits for, without what these wait for themselves: `snakemake --rulegraph`, reduced."""

WIDTH: Final = 168
HEIGHT: Final = 26
COLUMN: Final = 186
ROW: Final = 46
_SWEEPS: Final = 8


@dataclass(frozen=True)
class Picture:
    """Boxes and lines, in pixels.

    Attributes:
        width: Of the whole.
        height: Of the whole.
        box_width: Of each box.
        box_height: Of each box.
        boxes: Left, top and name of each rule.
        lines: The `d` of each path, from a rule down to the one that waits for it.
    """

    width: int
    height: int
    box_width: int
    box_height: int
    boxes: tuple[tuple[int, int, str], ...]
    lines: tuple[str, ...]


def draw_rule_graph(rules: Iterable[tuple[str, Iterable[str]]] = tuple(RULES.items())) -> Picture:
    """Lay out a graph of rules: one row per layer, lines through columns of their own where they pass a layer.

    Args:
        rules: Each rule and those it waits for.

    Source:
        Sugiyama, Tagawa & Toda (1981): layers by longest path, dummy nodes, order by barycentres.
    """
    waits = nx.DiGraph()
    for rule, needs in rules:
        waits.add_node(rule)
        waits.add_edges_from((need, rule) for need in needs)
    row = {rule: depth for depth, layer in enumerate(nx.topological_generations(waits)) for rule in layer}
    routes = {edge: _route(edge, row) for edge in waits.edges}
    near = nx.Graph()
    near.add_nodes_from(waits.nodes)
    for route in routes.values():
        nx.add_path(near, route)
    layers = _ordered(routes.values(), rules=waits.nodes, row=row, near=near)
    middle = _middles(layers, near)
    place = {node: (middle[node], ROW * depth) for depth, layer in enumerate(layers) for node in layer}
    return Picture(
        width=max(middle.values()) + WIDTH // 2,
        height=ROW * (len(layers) - 1) + HEIGHT,
        box_width=WIDTH,
        box_height=HEIGHT,
        boxes=tuple((place[rule][0] - WIDTH // 2, place[rule][1], rule) for rule in waits.nodes),
        lines=tuple(_line([place[node] for node in route]) for route in routes.values()),
    )


def _route(edge: tuple[str, str], row: dict[str, int]) -> list[str]:
    """The nodes of an edge from layer to layer, with one without a box in each layer that it only passes."""
    start, end = edge
    return [start, *(f"{start} {end} {depth}" for depth in range(row[start] + 1, row[end])), end]


def _ordered(
    routes: Iterable[list[str]], *, rules: Iterable[str], row: dict[str, int], near: "nx.Graph[str]"
) -> list[list[str]]:
    """Order each layer by the mean place of its neighbours, above and below in turn."""
    layers: list[list[str]] = [[] for _ in range(max(row.values()) + 1)]
    for rule in rules:
        layers[row[rule]].append(rule)
    for route in routes:
        for depth, node in enumerate(route[1:-1], start=row[route[0]] + 1):
            layers[depth].append(node)
    for sweep in range(_SWEEPS):
        downward = sweep % 2 == 0
        for depth in range(len(layers)) if downward else reversed(range(len(layers))):
            beside = depth - 1 if downward else depth + 1
            if 0 <= beside < len(layers):
                _sort_by_neighbours(layers[depth], layers[beside], near)
    return layers


def _sort_by_neighbours(layer: list[str], fixed: list[str], near: "nx.Graph[str]") -> None:
    # Places count from the middle, as the layers are drawn.
    place = {node: at - (len(fixed) - 1) / 2 for at, node in enumerate(fixed)}
    own = {node: at - (len(layer) - 1) / 2 for at, node in enumerate(layer)}

    def mean(node: str) -> float:
        places = [place[other] for other in near.adj[node] if other in place]
        return sum(places) / len(places) if places else own[node]

    layer.sort(key=mean)


def _middles(layers: list[list[str]], near: "nx.Graph[str]") -> dict[str, int]:
    """Where the middle of each node is, in pixels: near its neighbours, and a column from those beside it."""
    middle = {node: float(COLUMN * at) for layer in layers for at, node in enumerate(layer)}
    for sweep in range(2 * _SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            columns = COLUMN * np.arange(len(layer))
            wanted = [np.mean([middle[other] for other in near.adj[node]] or [middle[node]]) for node in layer]
            middle.update(zip(layer, isotonic_regression(wanted - columns).x + columns, strict=True))
    left = min(middle.values())
    return {node: round(x - left) + WIDTH // 2 for node, x in middle.items()}


def _line(points: list[tuple[int, int]]) -> str:
    """A smooth path that leaves a box at its foot, enters one at its head, and crosses the rows between straight."""
    (x, y), *rest = points
    path = f"M{x} {y + HEIGHT}"
    y += HEIGHT
    for to_x, to_y in rest:
        middle = (y + to_y) // 2
        path += f"C{x} {middle} {to_x} {middle} {to_x} {to_y}"
        x, y = to_x, to_y
        if (to_x, to_y) != points[-1]:
            y += HEIGHT
            path += f"V{y}"
    return path
