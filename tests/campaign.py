"""The campaigns are programs; tests run parts of them."""

import importlib.util
from pathlib import Path
from types import ModuleType

CAMPAIGNS = Path(__file__).parent / "campaigns"


def load(name: str) -> ModuleType:
    """The module of a campaign."""
    spec = importlib.util.spec_from_file_location(name, CAMPAIGNS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
