"""A config that is no YAML is told with its line and what is wrong there."""

import pytest
from steering_reliability.config.yaml_text import read_yaml
from steering_reliability.errors import InputError


def test_sections_are_read(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("generation:\n  seed: 3\n")
    assert read_yaml(path) == {"generation": {"seed": 3}}


@pytest.mark.parametrize(
    ("content", "what", "place"),
    [
        ("a:\n\tb: 1\n", "a tab where spaces must stand", ", line 2, column 1"),
        (
            "a:\n  b: [1, 2\nc: 3\n",
            "while parsing a flow sequence that begins on line 2, expected ',' or ']'",
            ", line 3",
        ),
        ('a: "x\n', "while scanning a quoted scalar that begins on line 1, found unexpected end", ", line 2, column 1"),
        ("a: 1\n b: 2\n", "mapping values are not allowed here", ", line 2, column 3"),
        ("a: *b\n", "found undefined alias 'b'", ", line 1, column 4"),
        ("- 1\n", "the config is no mapping of sections", ""),
        ("", "the config is no mapping of sections", ""),
        ("[" * 5000, "the config is no valid YAML", ""),
        ("a: \x00", "the config is no valid YAML", ""),
    ],
)
def test_what_is_no_yaml_is_told_with_its_line(tmp_path, content, what, place):
    path = tmp_path / "c.yaml"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    assert what in caught.value.what
    assert "\n" not in caught.value.what
    assert caught.value.where.startswith(f"{path}{place}")


def test_a_file_that_can_not_be_read_is_told(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_yaml(tmp_path / "none.yaml")
    (tmp_path / "c.yaml").write_bytes("a: é".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8"):
        read_yaml(tmp_path / "c.yaml")
