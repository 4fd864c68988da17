"""The scripts of the report page and the policy that lets these, and nothing else, run."""

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from steering_reliability.text.escaping import visible
from steering_reliability.text.numbers import percent, rounded, signed

TEMPLATES: Final = Path(__file__).parent / "templates"


@cache
def vega_bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script (BSD-3-Clause), which can do without evaluating text as code."""
    # Its type stub forgets that the argument may be left out.
    bundle = vl_convert.javascript_bundle()  # type: ignore[call-arg]
    assert "</script" not in bundle.lower()
    return bundle


def packed(text: str) -> str:
    """Base64 of the gzipped text, with no time of writing in it: the same text gives the same letters."""
    return base64.b64encode(gzip.compress(text.encode("utf-8"), compresslevel=9, mtime=0)).decode()


def page_environment() -> Environment:
    """Templates that take every text for data, and fail on a name that is not given."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    numbers = {"rounded": rounded, "percent": percent, "signed": signed}
    environment.filters |= {"visible": visible, "json": embedded_json, **numbers}
    return environment


def page_frame() -> dict[str, Any]:
    """Style, scripts and the policy that admits them, as the templates name them."""
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    scripts = (vega_bundle(), page_script())
    return {
        "style": Markup(style),
        "scripts": [Markup(script) for script in scripts],
        "policy": content_policy(scripts=scripts, styles=[style]),
    }


def page_script() -> str:
    """The page's own script."""
    return (TEMPLATES / "report.js").read_text(encoding="utf-8")


def embedded_json(data: Any) -> str:
    """JSON that can stand inside a script element: nothing in it can end the element or begin a comment."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e").replace("\u2028", "\\u2028")


def content_policy(*, scripts: Sequence[str], styles: Sequence[str]) -> str:
    """Return a Content-Security-Policy: these scripts and styles by their hash, images inside the page, no network."""
    parts = {
        "default-src": "'none'",
        "img-src": "data:",
        "script-src": " ".join(map(_hash, scripts)),
        "style-src": " ".join(map(_hash, styles)),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in parts.items())


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
