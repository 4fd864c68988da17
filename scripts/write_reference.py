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
The config is closed: an unknown key or value is an error that names the nearest one, with the file and line that set
it (`--config` for a value given there). All that is wrong is said at once, before anything runs. A file that is no
YAML is named with its line too, but for one that is given to `snakemake --configfile`: Snakemake reads it before the
workflow and says only that it is not valid; `steering-reliability status --config FILE` says where.
"""


def config_page() -> str:
    """Every config key with its type, default and meaning."""
    lines = ["# Every config key\n", NOTE]
    lines.append(PREFACE)
    lines.append(f"{RULE}. This holds for `snakemake --configfile A B`, for `-c A -c B` of `steering-reliability` and ")
    lines.append(
        "for `--config A B` of the plan's commands. A `model` section with another `name` or `source` replaces "
    )
    lines.append("the one below it whole. A target stands before `--configfile`, which takes what follows for files: ")
    lines.append("`snakemake --cores 4 directions --configfile A B`.\n\n")
    lines.append(
        "A run keeps its config, with every default written out, in `logs/config.yaml` and, once it is finished, "
    )
    lines.append("in `provenance.json`: `steering-reliability status results/smollm2` needs no `-c`.\n")
    schema = Config.model_json_schema()
    for section, field in Config.model_fields.items():
        model = _section(field.annotation)
        if model is None:
            continue
        lines.append(f"\n## {section}\n\n{model.__doc__}\n\n| key | values | default | meaning |\n|---|---|---|---|\n")
        lines += _rows(section, model, schema["$defs"][model.__name__]["properties"])
    return "".join(lines)


def _section(annotation: Any) -> type[BaseModel] | None:
    options = [annotation, *getattr(annotation, "__args__", ())]
    return next((one for one in options if isinstance(one, type) and issubclass(one, BaseModel)), None)


def _rows(section: str, model: type[BaseModel], properties: dict[str, Any]) -> Iterator[str]:
    for name, field in model.model_fields.items():
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
    lines = ["# Every column of results.parquet\n\n", NOTE]
    lines.append(
        "One row per completion and condition; the unsteered completions stand under each curve at alpha 0.\n\n"
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
