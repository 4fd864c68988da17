"""Build the wheel and the source distribution, and check that both hold the same: build_release.py --out_dir dist."""

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Alone in a folder, since setuptools takes along what an earlier build or an installation has left in a clone.
NEEDED = (
    *("setup.py", "pyproject.toml", "README.md", "LICENSE", "Snakefile", "config.yaml", "configs", "envs", "prompts"),
    *("rules", "scripts", "workflow"),
)
BACKEND = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"


def build(kind: str, *, source: Path, out_dir: Path) -> Path:
    """Build `wheel` or `sdist` with the setuptools of this environment.

    Raises:
        CalledProcessError: When the build fails.
    """
    command = [sys.executable, "-c", BACKEND, f"build_{kind}", str(out_dir.resolve())]
    done = subprocess.run(command, cwd=source, stdout=subprocess.PIPE, text=True, check=True)
    return out_dir / done.stdout.splitlines()[-1]


def members(wheel: Path) -> dict[str, bytes]:
    """Name to content of a wheel's files."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def build_release(out_dir: Path) -> tuple[Path, Path]:
    """Build both, and the wheel once more from the source distribution.

    Returns:
        The wheel and the source distribution.

    Raises:
        RuntimeError: When the two wheels differ.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        clean = Path(scratch) / "clone"
        clean.mkdir()
        for place in (ROOT / name for name in NEEDED):
            if place.is_dir():
                shutil.copytree(place, clean / place.name, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
            else:
                shutil.copy2(place, clean)
        wheel, sdist = (build(kind, source=clean, out_dir=out_dir) for kind in ("wheel", "sdist"))
        with tarfile.open(sdist) as archive:
            archive.extractall(scratch, filter="data")
        again = build("wheel", source=Path(scratch) / sdist.name.removesuffix(".tar.gz"), out_dir=Path(scratch))
        there, here = members(wheel), members(again)
    if differing := sorted(name for name in there.keys() | here.keys() if there.get(name) != here.get(name)):
        raise RuntimeError(f"the source distribution builds another wheel: {', '.join(differing)}")
    return wheel, sdist


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out_dir", type=Path, default=Path("dist"), help="receives the wheel and the sdist")
    for path in build_release(parser.parse_args().out_dir):
        print(path)


if __name__ == "__main__":
    main()
