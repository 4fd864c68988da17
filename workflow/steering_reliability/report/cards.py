"""The cards of a dataset and of a direction: the README.md of a repository on a model hub."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from steering_reliability.prompts.schema import SPLITS
from steering_reliability.report.methods_paragraph import LEARNED
from steering_reliability.report.run_facts import citation, model_address, run_facts
from steering_reliability.report.scripts import TEMPLATES
from steering_reliability.results.schema import COLUMN_DESCRIPTIONS
from steering_reliability.text.escaping import markdown_block, markdown_inline
from steering_reliability.text.layers import layer_words

_UNKNOWN = "not recorded"


@dataclass(frozen=True)
class ExportedLayer:
    """One vector of an exported direction.

    Attributes:
        layer: The block that it was learned at.
        block: The block to whose output it is added, where only outputs can be changed; -1 where there is none.
        tensor: Its name in the file.
        resid_norm: Mean length of the residual stream there.
        length: What is added.
    """

    layer: int
    block: int
    tensor: str
    resid_norm: float
    length: float


def direction_card(
    layers: Sequence[ExportedLayer],
    *,
    facts: Mapping[str, Any],
    hook_point: str,
    alpha: float,
    has_control_vector: bool,
) -> str:
    """Return what the vectors are and how to add them with this workflow and with other tools.

    `facts` is what the run recorded of itself; what it does not hold is left out.
    """
    config, by_number = facts.get("config") or {}, sorted(layers, key=lambda one: one.layer)
    return _filled(
        "direction_card.md.j2",
        facts=facts,
        layers=by_number,
        layer_words=layer_words("+".join(str(one.layer) for one in by_number)),
        hook_point=hook_point,
        places=["resid_pre", "resid_post"] if hook_point == "resid_both" else [hook_point],
        alpha=alpha,
        has_control_vector=has_control_vector,
        hub_model=config["model"]["name"] if model_address(facts) else "",
        path=json.dumps(config["model"]["name"] if model_address(facts) else "path/to/model"),
        learned=_learned(config.get("direction") or {}),
        positions=(config.get("experiment") or {}).get("positions", ""),
        config=_yaml({name: config[name] for name in ("model", "direction") if name in config}),
    )


def _learned(direction: Mapping[str, Any]) -> str:
    method = direction.get("method")
    if not method or direction.get("file"):
        return "a vector of its maker's own"
    return LEARNED[method if isinstance(method, str) else method[0]]


def dataset_card(*, facts: Mapping[str, Any], rows: int, conditions: int, prompt_cards: Mapping[str, Any]) -> str:
    """Return what the completions are of: model, licence, content, columns and config.

    `prompt_cards` has the card of each split that was imported; `facts` as in `direction_card`.
    """
    return _filled(
        "dataset_card.md.j2",
        facts=facts,
        rows=rows,
        conditions=conditions,
        columns=COLUMN_DESCRIPTIONS,
        sets=[(split, _set_words(prompt_cards.get(split))) for split in SPLITS],
        config=_yaml(facts.get("config") or {}),
    )


def _set_words(card: Mapping[str, Any] | None) -> str:
    if not card:
        return "no card beside them; those that come with this workflow are under Apache-2.0"
    return f"{card.get('title') or card.get('source') or 'a set of its own'}, licence {card.get('licence')}"


def _yaml(config: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True).rstrip() if config else _UNKNOWN


def _filled(template: str, *, facts: Mapping[str, Any], **values: Any) -> str:
    # Text of a model or a user goes through `line` or `block`; Markdown has no escaping of its own.
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters |= {"line": markdown_inline, "block": markdown_block, "short": lambda value: f"{value:.6g}"}
    model = facts.get("model") or {}
    return environment.get_template(template).render(
        facts=list(run_facts(facts)),
        model=model.get("name", "a model"),
        licence=(model.get("card") or {}).get("licence") or _UNKNOWN,
        cite=citation(facts, title=model.get("name", "a model")),
        **values,
    )
