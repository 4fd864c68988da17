"""What the notebooks do in their cells: the config of a study, its run with one line of progress, its page."""

from steering_reliability.notebook.page import show_page
from steering_reliability.notebook.run import run_study
from steering_reliability.notebook.study import describe, write_study

__all__ = ["describe", "run_study", "show_page", "write_study"]
