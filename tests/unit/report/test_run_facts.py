"""A run is named by what was recorded of it, and by nothing else."""

from pathlib import Path

import pytest
import yaml
from steering_reliability import __version__
from steering_reliability.report.run_facts import TITLE, citation, model_address, run_facts


def test_what_was_not_recorded_is_not_said():
    assert [name for name, _, _ in run_facts({})] == ["workflow"]
    machine = {"processor": "EPYC", "cpu_capability": "AVX2", "system": "Linux", "gpu": None}
    found = {name: value for name, value, _ in run_facts({"machine": machine, "commit": "0123456789abcdef"})}
    assert found == {
        "workflow": f"steering-reliability {__version__}",
        "git commit": "0123456789ab",
        "processor": "EPYC, AVX2, Linux",
    }


def test_a_folder_of_ones_own_has_no_card():
    known = {"model": {"name": "mine", "card": None}, "machine": None, "commit": None, "config": None}
    assert [fact[1] for fact in run_facts(known)] == [f"steering-reliability {__version__}", "mine"]
    assert citation(known, title="mine").endswith(f"Version {__version__}. Run on mine.")


@pytest.mark.parametrize(
    ("name", "source", "address"),
    [
        ("org/model-1.5", "hub", "https://huggingface.co/org/model-1.5"),
        ("org/model", "models/folder", ""),
        ("javascript:alert(1)", "hub", ""),
        ("org/a b", "hub", ""),
    ],
)
def test_only_a_model_of_the_hub_has_an_address(name, source, address):
    assert model_address({"config": {"model": {"name": name, "source": source}}}) == address


def test_the_citation_is_that_of_the_citation_file():
    file = yaml.safe_load((Path(__file__).parents[3] / "CITATION.cff").read_text(encoding="utf-8"))
    assert (file["title"], file["version"]) == (TITLE, __version__)
    assert citation({}, title="m") == f"{TITLE}. Version {__version__}. Run on m."
    assert ", commit 0123456789ab. Run" in citation({"commit": "0123456789abcdef"}, title="m")
