"""The notebooks' set-up cell on a machine with nothing: git and pip for real, on a project as small as can be."""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path
from types import ModuleType

import packaging
import pip
import pytest
import wheel_by_hand
from wheel_by_hand import write_wheel

ROOT = Path(__file__).parents[3]
SET_UP = ROOT / "notebooks" / "shared" / "set_up.py"
# What a notebook's kernel does with the cell, but for IPython, which the bare machine lacks.
KERNEL = """
import sys
from pathlib import Path
CLONE_URL = sys.argv[1]
try:
    for module in sys.argv[2:]:
        __import__(module)
    exec(Path({cell!r}).read_text())
    import steering_reliability
    print("ready in", Path.cwd().name)
except Exception as error:
    print(*error._render_traceback_())
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "steering-reliability"
version = "0.1.0"
dependencies = ["Other_Thing>=1"]
"""
BACKEND = """
from wheel_by_hand import write_wheel

def build_editable(folder, config_settings=None, metadata_directory=None):
    return write_wheel(folder, "steering_reliability", "0.1.0", needs="Requires-Dist: Other_Thing>=1\\n").name
"""


class Machine:
    """A folder to work in, an environment of its own and a shelf of wheels: all that pip finds."""

    def __init__(self, place: Path) -> None:
        self.work, self.shelf, self.origin = place / "work", place / "shelf", place / "origin"
        for folder in (self.work, self.shelf, self.origin):
            folder.mkdir()
        self.python = place / "venv" / "bin" / "python"

    def add_environment(self) -> None:
        venv.create(self.python.parents[1], symlinks=True)
        self.link(pip)

    def link(self, package: ModuleType) -> None:
        """Lend a package of this environment: to install pip takes seconds."""
        (packages,) = self.python.parents[1].glob("lib/*/site-packages")
        (packages / package.__name__).symlink_to(Path(package.__file__).parent, target_is_directory=True)

    def pip_install(self, *names: str) -> None:
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--no-index", "--find-links", str(self.shelf)]
        subprocess.run([*pip, *names], check=True)

    def version_of(self, name: str) -> str:
        command = [str(self.python), "-c", f"from importlib import metadata; print(metadata.version({name!r}))"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def publish(self) -> str:
        """Commit the small project, and name its address."""
        for version in ("0.5", "1.0", "2.0", "3.0"):
            write_wheel(self.shelf, "other_thing", version)
        self.weights = write_wheel(self.origin.parent, "tiny_weights", "1.0")
        digest = hashlib.sha256(self.weights.read_bytes()).hexdigest()
        files = {
            "Snakefile": "",
            "workflow/steering_reliability/__init__.py": "",
            "pyproject.toml": PROJECT,
            "backend.py": BACKEND,
            "wheel_by_hand.py": Path(wheel_by_hand.__file__).read_text(encoding="utf-8"),
            "requirements.lock": "other-thing==2.0\nunused==9\n",
            "requirements-model.lock": f"# comment\ntiny-weights==1.0 --hash=sha256:{digest}\n",
        }
        for name, text in files.items():
            (self.origin / name).parent.mkdir(parents=True, exist_ok=True)
            (self.origin / name).write_text(text, encoding="utf-8")
        for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "all"]):
            author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
            subprocess.run(["git", *author, *command], cwd=self.origin, check=True)
        return self.origin.as_uri()

    def run_cell(self, url: str, *loaded: str, python: Path | None = None) -> str:
        """Run the cell in a kernel of its own; what it printed, or its message."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
        environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.shelf), "PIP_CONFIG_FILE": os.devnull}
        command = [str(python or self.python), "-c", KERNEL.format(cell=str(SET_UP)), url, *loaded]
        done = subprocess.run(
            command, cwd=self.work, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.stderr == ""
        return done.stdout


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_an_installation_goes_on_where_it_failed_and_replaces_another_version(machine):
    machine.add_environment()
    url = machine.publish()
    said = machine.run_cell(url)
    # The first pip has succeeded, and the wheel of the second is not to be had.
    assert said.startswith(f"cloning {url}\ninstalling steering-reliability, Other_Thing, tiny-weights into ")
    assert "what the project needs could not be installed:\n" in said
    assert "tiny-weights==1.0" in said
    assert "  to do: see to what pip says above" in said
    assert "ready" not in said
    machine.weights.rename(machine.shelf / machine.weights.name)
    said = machine.run_cell(url)
    assert said.startswith("installing tiny-weights into ")
    assert said.endswith("ready in steering-reliability\n")
    assert machine.run_cell(url) == "ready in steering-reliability\n"
    # A session that has loaded another version goes on with it until it is restarted.
    machine.pip_install("other_thing==1.0")
    said = machine.run_cell(url, "other_thing")
    assert "had already loaded another version of Other_Thing\n" in said
    assert "  to do: restart it" in said
    assert machine.run_cell(url, "other_thing") == "ready in steering-reliability\n"


@pytest.mark.parametrize(("there", "then"), [("1.0", "1.0"), ("0.5", "2.0"), (None, "2.0")])
def test_colab_keeps_the_version_that_the_project_can_use_and_else_gets_that_of_the_lock(machine, there, then):
    machine.add_environment()
    machine.link(packaging)
    url = machine.publish()
    machine.weights.rename(machine.shelf / machine.weights.name)
    write_wheel(machine.shelf, "google_colab", "1.0.0")
    machine.pip_install("google_colab", *([f"other_thing=={there}"] if there else []))
    assert machine.run_cell(url).endswith("ready in steering-reliability\n")
    assert machine.version_of("other_thing") == then
    assert machine.run_cell(url) == "ready in steering-reliability\n"


def test_an_address_that_cannot_be_cloned_is_one_message_and_leaves_no_folder(machine):
    said = machine.run_cell((machine.work / "nowhere").as_uri(), python=Path(sys.executable))
    assert "the project could not be cloned:\nfatal: " in said
    assert "  to do: correct CLONE_URL in the first code cell" in said
    assert list(machine.work.iterdir()) == []


def test_another_project_is_not_taken_for_this_one(machine):
    url = machine.publish()
    subprocess.run(["git", "rm", "--quiet", "Snakefile"], cwd=machine.origin, check=True)
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *author, "commit", "--quiet", "--message", "less"], cwd=machine.origin, check=True)
    said = machine.run_cell(url, python=Path(sys.executable))
    assert "what was cloned is another project\n" in said
    assert not (machine.work / "steering-reliability").exists()


def test_a_folder_of_the_name_that_is_no_clone_is_left_as_it_is(machine):
    (machine.work / "steering-reliability").mkdir()
    (machine.work / "steering-reliability" / "mine.txt").write_text("mine", encoding="utf-8")
    said = machine.run_cell("file:///nowhere", python=Path(sys.executable))
    assert said.startswith("the folder is no clone of the project\n")
    assert (machine.work / "steering-reliability" / "mine.txt").read_text(encoding="utf-8") == "mine"


def test_an_empty_clone_url_is_one_message_in_the_notebook(machine):
    assert machine.run_cell("", python=Path(sys.executable)) == (
        f"the project is neither in nor above {machine.work}, and CLONE_URL does not say where to clone it from\n"
        "  where: the first code cell, parameter CLONE_URL\n"
        '  to do: set CLONE_URL = "https://..." to the address of the repository, and run all again\n'
    )
    assert list(machine.work.iterdir()) == []
