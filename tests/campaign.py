"""The campaigns are programs; tests run parts of them."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

CAMPAIGNS = Path(__file__).parent / "campaigns"


def load(name: str, *, folder: Path = CAMPAIGNS) -> ModuleType:
    """The module of a campaign, or of another folder's program."""
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
