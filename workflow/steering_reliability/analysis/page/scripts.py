"""The scripts of the report page and the policy that lets these, and nothing else, run."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import vl_convert

_TEMPLATES: Final = Path(__file__).parents[1] / "templates"


@cache
def vega_bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script (BSD-3-Clause), which can do without evaluating text as code."""
    # Its type stub forgets that the argument may be left out.
    bundle = vl_convert.javascript_bundle()  # type: ignore[call-arg]
    assert "</script" not in bundle.lower()
    return bundle


def page_script() -> str:
    """The page's own script."""
    return (_TEMPLATES / "report.js").read_text(encoding="utf-8")


def embedded_json(data: Any) -> str:
    """JSON that can stand inside a script element: nothing in it can end the element or begin a comment."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e").replace("\u2028", "\\u2028")


def content_policy(*, scripts: Sequence[str], styles: Sequence[str]) -> str:
    """Return a Content-Security-Policy: these scripts and styles by their hash, images inside the page, no network.

    Args:
        scripts: Texts of the script elements.
        styles: Texts of the style elements.
    """
    parts: Mapping[str, str] = {
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
