import html
import re

import pytest
from steering_reliability.text.escaping import markdown_block, markdown_inline, visible

HOSTILE = [
    "```\n# out\n```", "</pre></details><script>alert(1)</script>", "a\n\n\n# heading\n\n- list", "<!-- ", "~~~~",
    "| a | b |", "[x](javascript:alert(1))", "![](http://example.org/x.png)", "&lt;b&gt;", "\x00\x1b[31m\r\n",
    "\u202egnp.exe", "`" * 30, "$$x$$", "    indented", "", "a" * 1000,
]  # fmt: skip


def test_control_characters_are_written_out_and_letters_line_feeds_and_tabs_stay():
    assert visible("a\x00b\x1b[0m\r\u202e\u200b\ufeff\ud800") == (
        r"a\u{0000}b\u{001B}[0m\u{000D}\u{202E}\u{200B}\u{FEFF}\u{D800}"
    )
    assert visible("é中🙂\n\tx") == "é中🙂\n\tx"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_block_holds_the_text_and_nothing_but(text):
    block = markdown_block(text, width=2000)
    assert block.count("<") == 2
    assert block.startswith("<pre>")
    assert block.endswith("</pre>")
    shown = html.unescape(block.removeprefix("<pre>").removesuffix("</pre>"))
    assert re.sub(r"^ $", "", shown, flags=re.MULTILINE) == visible(text)
    # Some readers end an HTML block at a blank line.
    assert all(line.strip() for line in block.split("\n"))


def test_long_lines_are_wrapped():
    assert markdown_block("word " * 50, width=40).count("\n") >= 5


@pytest.mark.parametrize("text", HOSTILE)
def test_inline_text_has_no_markup(text):
    line = markdown_inline(text)
    assert "\n" not in line
    assert not set(line) & set("<>|`*_[]()!\"'$~\\")
    assert html.unescape(line) == " ".join(visible(text).split())
