"""The short forms of the campaigns that run Snakemake; `make campaign` runs the long ones."""

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from campaign import load
from project import Project


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path, since a socket's name may have 108 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="k-", dir="/tmp") as folder:
        yield Path(folder)


def test_a_damaged_file_is_named_and_mended(finished: Project, tmp_path: Path) -> None:
    damages, place = load("damage"), tmp_path / "damaged"
    _, defects = damages.one(finished, place, path=damages.KINDS["table"], damage="a bit turned", rng=random.Random(1))
    assert defects == []


def test_time_and_memory_are_measured_on_small_sizes(place: Path) -> None:
    large = load("large")
    for measure, sizes in ((large.many_shards, (6, 30)), (large.many_prompts, (20, 100))):
        found = measure(place / measure.__name__, sizes=sizes)
        assert [n for n, _, _ in found] == list(sizes)
        assert all(megabytes > 0 for _, _, megabytes in found)
