"""What the notebooks do in their cells: the config of a study, its run with one line of progress, its page, its zip."""

from steering_reliability.notebook.archive import offer_zip
from steering_reliability.notebook.page import show_page
from steering_reliability.notebook.run import run_study
from steering_reliability.notebook.study import chosen, describe, write_study

__all__ = ["chosen", "describe", "offer_zip", "run_study", "show_page", "write_study"]
