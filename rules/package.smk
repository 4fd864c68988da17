import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.sourcecache import HostingProviderFile, LocalGitFile, LocalSourceFile

# Held against the package's own by a test: rules that Snakemake fetches by a tag need the package of that tag.
WORKFLOW_VERSION = "0.1.0"
AS_MODULE = not workflow.modifier.is_main_snakefile()
HERE = workflow.current_basedir
# Where the workflow lies, in a clone or a copy; None where Snakemake fetches its files one by one.
FOLDER = Path(HERE.path).parent if isinstance(HERE, LocalSourceFile) else None


def own_file(name):
    """Path of a file of this workflow: where it lies, or where Snakemake has put what it fetched."""
    return str(FOLDER / name) if FOLDER else workflow.source_path(f"../{name}")


def own_script(name):
    """Path of a script of this workflow."""
    return own_file(f"workflow/scripts/{name}.py")


def install_command():
    """How the package of these rules gets installed."""
    if isinstance(HERE, HostingProviderFile):
        return f'pip install "steering-reliability @ git+https://{HERE.host}/{HERE.repo}@{HERE.ref}"'
    if isinstance(HERE, LocalGitFile):
        return f'pip install "steering-reliability @ git+file://{os.path.abspath(HERE.repo_path)}@{HERE.ref}"'
    return f"pip install a clone of version {WORKFLOW_VERSION}"


def unusable(what, fix):
    """The package that Python finds is not the one of these rules."""
    return WorkflowError(f"\n{what}\n  where: {HERE}\n  to do: {fix}")


BESIDE = (
    FOLDER / "workflow"
    if FOLDER and (FOLDER / "workflow/steering_reliability").is_dir()
    else None
)
if BESIDE and str(BESIDE) not in sys.path[:1]:
    sys.path.insert(0, str(BESIDE))
try:
    import steering_reliability
except ModuleNotFoundError as error:
    if error.name != "steering_reliability":
        raise
    raise unusable(
        f"these rules need the package steering-reliability {WORKFLOW_VERSION}, and it is not installed",
        install_command(),
    )
FOUND = Path(steering_reliability.__file__).resolve().parents[1]
VERSION = getattr(steering_reliability, "__version__", "of an unknown version")
if BESIDE and FOUND != BESIDE.resolve():
    raise unusable(
        f"another copy of the package is loaded already: {FOUND}",
        "import the workflow from one folder only, and load steering_reliability nowhere before",
    )
if not BESIDE and VERSION != WORKFLOW_VERSION:
    raise unusable(
        f"these rules need the package steering-reliability {WORKFLOW_VERSION}, and {VERSION} is installed in {FOUND}",
        install_command(),
    )

from steering_reliability.process.only_package import only_package

# Scripts and workers find the very same package, whatever their environment holds.
PACKAGE = str(BESIDE or only_package(Path(".snakemake")))
os.environ.update(
    STEERING_PACKAGE=PACKAGE,
    PYTHONPATH=os.pathsep.join(
        dict.fromkeys(
            [PACKAGE, *filter(None, os.getenv("PYTHONPATH", "").split(os.pathsep))]
        )
    ),
)
