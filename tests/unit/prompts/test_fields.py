import pytest
from steering_reliability.prompts.fields import collapse_space, fault_in_id, fault_in_text
from steering_reliability.prompts.normalize import normalize_text


@pytest.mark.parametrize("good", ["harm_train_0001", "17", "a b", "é-1", "x" * 200])
def test_ids_that_are_safe(good):
    assert fault_in_id(good) is None


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("", "empty"),
        (" a", "spaces"),
        ("x" * 201, "201 characters"),
        ("a/b", "path"),
        ("a\\b", "path"),
        ("..", "path"),
        ("a\tb", "control"),
        ("a\nb", "control"),
        ("a\u2028b", "control"),
        ("a\ud800", "surrogate"),
    ],
)
def test_ids_that_are_not(bad, why):
    assert why in fault_in_id(bad)


def test_text_may_have_line_breaks_and_tabs_but_must_be_text():
    assert fault_in_text("a\n\tb 🎈") is None
    assert fault_in_text(" \n ") == "is empty"
    assert "control" in fault_in_text("a\0b")
    assert "surrogate" in fault_in_text("\udc00")


def test_normalizing_drops_case_marks_and_forms_but_keeps_code():
    assert normalize_text("How’s  it\ngoing?") == normalize_text("how's it GOING")
    assert normalize_text("ﬁne") == "fine"
    assert normalize_text("in C++?") != normalize_text("in C?")
    assert normalize_text("?!") == "?!"
    assert collapse_space(" a\n b ") == "a b"
