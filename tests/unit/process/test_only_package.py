"""The package alone in a folder, for jobs of another environment."""

import subprocess
import sys
from pathlib import Path

from steering_reliability.process.only_package import PACKAGE, only_package


def test_the_folder_holds_the_package_and_nothing_else_and_a_link_to_another_copy_is_replaced(tmp_path):
    for _ in range(2):
        folder = only_package(tmp_path / ".snakemake")
        assert folder.is_absolute()
        (link,) = folder.iterdir()
        assert (link.name, link.resolve()) == ("steering_reliability", PACKAGE)
        link.unlink()
        link.symlink_to(tmp_path)


def test_a_python_that_has_no_package_finds_it_there(tmp_path):
    folder = only_package(tmp_path)
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import steering_reliability as s; print(s.__file__)"
    # Isolated and without site-packages: neither PYTHONPATH nor an installed package helps.
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()) == folder / "steering_reliability" / "__init__.py"
