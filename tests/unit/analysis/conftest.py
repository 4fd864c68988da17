"""Makes synthetic_run importable, whatever pytest's import mode, and the scripts, which are no package."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[3] / "scripts")]


@pytest.fixture(scope="session")
def load_script():
    """Return a function that imports a file of scripts/ by its name."""

    def load(name: str) -> ModuleType:
        path = Path(__file__).parents[3] / "scripts" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        # Dataclasses look their module up.
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    return load
