"""Write what is made from the code: the pages of every config key and every column, and the config's JSON schema."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from pydantic import BaseModel
from steering_reliability.config.files import RULE
from steering_reliability.config.schema import Config
from steering_reliability.results.schema import RESULTS_SCHEMA

ROOT = Path(__file__).resolve().parents[1]
NOTE = "<!-- Made by scripts/write_reference.py; a test keeps it in step with the code. -->\n\n"

PREFACE = """\
All errors in a config are reported together, before anything runs. An unknown key or value is an error that names the
closest valid one, with the file and line (or `--config`) that set it. A file that is not valid YAML is reported with
its line too. The exception is a file given to `snakemake --configfile`, which Snakemake reads before the workflow
starts; use `steering-reliability status --config FILE` to find the line.

## Several config files

"""

MERGING = """\
- This rule holds for `snakemake --configfile A B`, for `steering-reliability -c A -c B`, and for `--config A B` of the
  commands in `experiments`.
- A `model` section with another `name` or `source` replaces the whole section below it.
- Put a Snakemake target before `--configfile`, which treats every following word as a file:
  `snakemake --cores 4 directions --configfile A B`.

A run stores its config with all defaults in `logs/config.yaml` and, once it is finished, in `provenance.json`.
Therefore `steering-reliability status results/smollm2` needs no `-c`.
"""


def config_page() -> str:
    """Every config key with its type, default and meaning."""
    lines = ["# Configuration\n\n", NOTE, PREFACE]
    lines.append(f"{RULE}.\n\n{MERGING}")
    schema = Config.model_json_schema()
    for section, field in Config.model_fields.items():
        model = _section(field.annotation)
        if model is None:
            continue
        lines.append(f"\n## {section}\n\n{model.__doc__}\n\n| key | values | default | meaning |\n|---|---|---|---|\n")
        lines += _rows(section, model, schema["$defs"])
    return "".join(lines)


def _section(annotation: Any) -> type[BaseModel] | None:
    options = [annotation, *getattr(annotation, "__args__", ())]
    return next((one for one in options if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _rows(section: str, model: type[BaseModel], schemas: dict[str, Any]) -> Iterator[str]:
    properties = schemas[model.__name__]["properties"]
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            yield from _rows(f"{section}.{name}", type(field.default), schemas)
            continue
        default = "required" if field.is_required() else f"`{_plain(field.get_default(call_default_factory=True))}`"
        values = _values(properties[name]).replace("|", "or")
        yield f"| `{section}.{name}` | {values} | {default} | {field.description} |\n"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _values(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_values(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "$ref" in schema:
        return f"see {schema['$ref'].rpartition('/')[2]}"
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_values(schema['items'])}"
    if kind == "object":
        return "mapping"
    bounds = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    said = [f"{word} {schema[name]:g}" for name, word in bounds.items() if name in schema]
    return ", ".join([{"string": "text"}.get(kind, kind), *said])


def columns_page() -> str:
    """Every column of results.parquet with its type and meaning."""
    lines = ["# Columns of results.parquet\n\n", NOTE]
    lines.append(
        "One row per completion and condition. The unsteered completions are repeated for each curve at alpha 0.\n\n"
    )
    lines.append("| column | type | can be missing | meaning |\n|---|---|---|---|\n")
    for field in RESULTS_SCHEMA:
        text = field.metadata[b"description"].decode()
        lines.append(f"| `{field.name}` | {field.type} | {'yes' if field.nullable else 'no'} | {text} |\n")
    return "".join(lines)


def config_schema() -> str:
    """The JSON schema of the config, for editors and for programs that write configs."""
    return json.dumps(Config.model_json_schema(), indent=2, sort_keys=True) + "\n"


PAGES = {
    "docs/config.md": config_page,
    "docs/columns.md": columns_page,
    "workflow/schemas/config.schema.json": config_schema,
}


def main() -> None:
    """Write each into its place."""
    for name, page in PAGES.items():
        (ROOT / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
