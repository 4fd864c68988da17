import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.sourcecache import HostingProviderFile, LocalGitFile, LocalSourceFile

# A test compares it with the package's: rules that Snakemake fetches by a tag need the package of that tag.
WORKFLOW_VERSION = "0.1.0"
AS_MODULE = not workflow.modifier.is_main_snakefile()
HERE = workflow.current_basedir
# Where the workflow lies, in a clone or a copy; None where Snakemake fetches its files one by one.
FOLDER = Path(HERE.path).parent if isinstance(HERE, LocalSourceFile) else None
BESIDE = FOLDER and FOLDER / "workflow"
if BESIDE and not (BESIDE / "steering_reliability").is_dir():
    BESIDE = None


def own_file(name):
    """Path of a file of this workflow: in its folder, or where Snakemake has put what it fetched."""
    return str(FOLDER / name) if FOLDER else workflow.source_path(f"../{name}")


def own_script(name):
    """Path of a script of this workflow."""
    return own_file(f"workflow/scripts/{name}.py")


def unusable(what, fix=None):
    """The error for a package that does not belong to these rules."""
    source = f"a clone of version {WORKFLOW_VERSION}"
    if isinstance(HERE, (HostingProviderFile, LocalGitFile)):
        url = (
            f"https://{HERE.host}/{HERE.repo}"
            if isinstance(HERE, HostingProviderFile)
            else f"file://{os.path.abspath(HERE.repo_path)}"
        )
        source = f'"steering-reliability @ git+{url}@{HERE.ref}"'
    fix = fix or f"pip install {source}"
    return WorkflowError(f"\n{what}\n  where: {HERE}\n  to do: {fix}")


if BESIDE and str(BESIDE) not in sys.path[:1]:
    sys.path.insert(0, str(BESIDE))
NEEDED = f"these rules need the package steering-reliability {WORKFLOW_VERSION}, and"
try:
    import steering_reliability
except ModuleNotFoundError as error:
    if error.name != "steering_reliability":
        raise
    raise unusable(f"{NEEDED} it is not installed")
FOUND = Path(steering_reliability.__file__).resolve().parents[1]
VERSION = getattr(steering_reliability, "__version__", "of an unknown version")
if BESIDE and FOUND != BESIDE.resolve():
    raise unusable(
        f"another copy of the package is loaded already: {FOUND}",
        "import the workflow from one folder only, and load steering_reliability nowhere before",
    )
if not BESIDE and VERSION != WORKFLOW_VERSION:
    raise unusable(f"{NEEDED} {VERSION} is installed in {FOUND}")

from steering_reliability.errors import exit_on_input_error
from steering_reliability.process.only_package import export_package
from steering_reliability.process.system import check_system

with exit_on_input_error():
    check_system()
export_package(BESIDE, scratch=Path(".snakemake"))
