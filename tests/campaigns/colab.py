"""What an installation on Colab would replace, as pip plans it: colab.py --python PATH, of a Python 3.12.

Colab's packages (colab.txt) are played by their names and versions in an environment of their own, so what they need of
each other is not known here, and Colab itself is not tried. The constraints are those of the notebooks' set-up cell.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import packaging
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from build_release import build_release  # noqa: E402

THERE = dict(re.findall(r"^([\w.-]+)==(\S+)$", (Path(__file__).parent / "colab.txt").read_text(), re.MULTILINE))
STAY = ("torch", "numpy", "pandas")
"""Large, or loaded by much else on Colab: one that is replaced although it is in our range is a defect."""

CONSTRAINTS = """
import sys
from pathlib import Path
exec(Path({cell!r}).read_text().partition("REPOSITORY = ")[0])
for name, version in constraints(Path({root!r})).items():
    print(f"{{name}}=={{version}}")
"""


def play(place: Path, python: str) -> str:
    """An environment with the names and versions of Colab's packages; its interpreter."""
    subprocess.run([python, "-m", "venv", str(place)], check=True)
    own = str(place / "bin" / "python")
    subprocess.run([own, "-m", "pip", "install", "--quiet", f"pip=={THERE['pip']}"], check=True)
    (packages,) = place.glob("lib/*/site-packages")
    # The one that the cell itself uses.
    (packages / "packaging").symlink_to(Path(packaging.__file__).parent, target_is_directory=True)
    for name, version in THERE.items():
        facts = packages / f"{name.replace('-', '_')}-{version}.dist-info"
        facts.mkdir(exist_ok=True)
        if not (facts / "METADATA").exists():
            text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            (facts / "METADATA").write_text(text, encoding="utf-8")
            (facts / "INSTALLER").write_text("pip\n", encoding="utf-8")
    return own


def planned(python: str, place: Path) -> dict[str, str]:
    """Each package that pip would install, and its version."""
    wheel, _ = build_release(place / "dist")
    constraints = place / "constraints.txt"
    command = [python, "-c", CONSTRAINTS.format(cell=str(ROOT / "notebooks" / "shared" / "set_up.py"), root=str(ROOT))]
    with constraints.open("w") as output:
        subprocess.run(command, stdout=output, check=True)
    command = [python, "-m", "pip", "install", "--quiet", "--dry-run", "--report", str(place / "report.json")]
    subprocess.run([*command, "--constraint", str(constraints), str(wheel)], check=True)
    report = json.loads((place / "report.json").read_text(encoding="utf-8"))
    return {one["metadata"]["name"]: one["metadata"]["version"] for one in report["install"]}


def main() -> int:
    """Print a table of what is replaced; the number of defects."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True, help="an interpreter of Colab's Python, 3.12")
    python = parser.parse_args().python
    there = {canonicalize_name(name): version for name, version in THERE.items()}
    with tempfile.TemporaryDirectory() as scratch:
        found = planned(play(Path(scratch) / "venv", python), Path(scratch))
    found = {canonicalize_name(name): version for name, version in found.items()}
    print("| package | on Colab | after the installation |\n|---|---|---|")
    for name in sorted(found.keys() & there.keys()):
        print(f"| {name} | {there[name]} | {found[name]} |")
    print(f"\nnew: {', '.join(sorted(found.keys() - there.keys()))}")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ranges = {one.name: one.specifier for one in map(Requirement, project["dependencies"])}
    replaced = [name for name in STAY if name in found and there[name] in ranges[name]]
    if replaced:
        print("DEFECT: " + ", ".join(f"{name} {there[name]} is replaced" for name in replaced))
    return len(replaced)


if __name__ == "__main__":
    sys.exit(main())
