"""The one line that a notebook's cell keeps up to date, and what is printed beside it."""

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from snakemake_logger_plugin_progress import CLEAR
from steering_reliability.notebook.run import _Line


@pytest.fixture
def cell():
    """Take pieces of Snakemake's output in; what was printed, and each state of the line."""
    InteractiveShell.instance()

    def shown(*pieces: str) -> tuple[str, list[tuple[str, bool]]]:
        with capture_output() as captured:
            line = _Line()
            for piece in pieces:
                line.take(piece)
        return captured.stdout, [(one.data["text/plain"], bool(one.update)) for one in captured.outputs]

    yield shown
    InteractiveShell.clear_instance()


def test_a_line_takes_the_place_of_the_one_before_it(cell):
    printed, states = cell(f"{CLEAR}prompts 0 of 2\r", f"{CLEAR}prompts 1 of 2\r{CLEAR}prompts 2 of 2\r\n")
    assert printed == ""
    assert states == [("planning", False), ("prompts 0 of 2", True), ("prompts 1 of 2", True), ("prompts 2 of 2", True)]


def test_an_error_is_printed_whole_and_stays(cell):
    error = "Error in rule aggregate:\n    log: a.log\n\nthe disk is full\n"
    printed, states = cell(f"{CLEAR}prompts 0 of 2\r{CLEAR}{error[:9]}", f"{error[9:]}{CLEAR}prompts 1 of 2\r")
    assert printed == "Error in rule aggregate:\n    log: a.log\nthe disk is full\n"
    assert [text for text, _ in states] == ["planning", "prompts 0 of 2", "prompts 1 of 2"]


def test_what_others_say_is_printed_without_the_line_and_what_snakemake_says_at_every_start_is_not(cell):
    printed, _ = cell(f"{CLEAR}planning\r", "Warning: two prompts are alike.\n")
    assert printed == "Warning: two prompts are alike.\n"
    assert cell("Using workflow specific profile profiles/default for setting default arguments.\n")[0] == ""


def test_pieces_may_be_cut_anywhere(cell):
    text = f"{CLEAR}0 of 2\r{CLEAR}1 of 2\rall is well\n"
    for cut in range(1, 20):
        printed, states = cell(text[:cut], text[cut:])
        assert printed == "all is well\n"
        assert [state for state, _ in states] == ["planning", "0 of 2", "1 of 2"]
