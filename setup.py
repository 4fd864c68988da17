"""Build the package with the workflow inside: what a clone has at its top lies in steering_reliability/workflow."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

INSIDE = "steering_reliability/workflow"
SOURCES = (
    *("Snakefile", "config.yaml", "rules", "configs", "prompts", "envs", "scripts/compare_runs.py"),
    *("scripts/make_prompts.py", "workflow/scripts", "workflow/report", "workflow/schemas", "workflow/profiles"),
)
# A clone has a link of this name, which Snakemake looks for beside the Snakefile.
ELSEWHERE = {"workflow/profiles": "profiles"}


class BuildWithWorkflow(build_py):
    """Copy the workflow's files beside the modules; an editable installation finds them in its clone."""

    def run(self) -> None:
        """Build."""
        super().run()
        if not self.editable_mode:
            for source, target in self._copies():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)

    def get_source_files(self) -> list[str]:
        """What the source distribution holds."""
        return [*super().get_source_files(), *(str(source) for source, _ in self._copies())]

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """What the wheel holds."""
        return [*super().get_outputs(include_bytecode), *(str(target) for _, target in self._copies())]

    def _copies(self) -> Iterator[tuple[Path, Path]]:
        for name in SOURCES:
            place = Path(self.build_lib, INSIDE, ELSEWHERE.get(name, name))
            files = [Path(name)] if Path(name).is_file() else sorted(Path(name).rglob("*"))
            for file in files:
                if file.is_file() and "__pycache__" not in file.parts:
                    yield file, place / file.relative_to(name)


setup(cmdclass={"build_py": BuildWithWorkflow})
