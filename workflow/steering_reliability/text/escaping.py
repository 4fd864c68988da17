"""Escaping of text from a model or a prompt file before it enters a page."""

import html
import re
import textwrap
import unicodedata
from typing import Final

_KEPT: Final = {"\n", "\t"}
_HIDDEN: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories that print nothing, or that reorder or hide what stands around them."""


def visible(text: str) -> str:
    r"""Return text whose control, format and unassigned characters are written out, such as \u{202E}.

    Line feeds and tabs stay. A joiner inside an emoji is written out too: what is seen is what was there.
    """
    return "".join(
        f"\\u{{{ord(char):04X}}}" if char not in _KEPT and unicodedata.category(char) in _HIDDEN else char
        for char in text
    )


def markdown_inline(text: str) -> str:
    """Return text that stands for itself within a line of Markdown or a table cell, and in HTML.

    Every ASCII punctuation mark that Markdown or HTML could read as markup becomes an entity; an underscore inside a
    word, a point that is not part of an address and the like are left, so that names stay readable in the source.
    """
    line = re.sub(r"\s+", " ", visible(text)).strip()
    return _MARKUP.sub(lambda found: "".join(f"&#{ord(char)};" for char in found[0]), line)


def markdown_block(text: str, *, width: int = 100) -> str:
    """Return text as a block that no text can leave, in Markdown and in the HTML made of it.

    The block is an HTML `pre` element with the text escaped, inside which Markdown is not read; a fence of backticks
    would show the entities, and a text that holds HTML would reach readers that do not know fences. Lines longer than
    `width` are wrapped, for a page that does not wrap.
    """
    wrapper = textwrap.TextWrapper(width, replace_whitespace=False, drop_whitespace=False, break_on_hyphens=False)
    lines = [part for line in visible(text).split("\n") for part in (wrapper.wrap(line) or [""])]
    # No line may be blank: some readers end an HTML block there and read what follows as Markdown.
    body = "\n".join(html.escape(line, quote=False) or "&#32;" for line in lines)
    return f"<pre>{body}</pre>"


_MARKUP: Final = re.compile(
    r"^[-+.]|^\d{1,9}[.)]|(?<=www)\.|(?<![^\W_])_|_(?![^\W_])|[!\"#$&'()*+/:<=>@\[\\\]^`{|}~]", re.I
)
