"""The files that a user's own scorer consists of, found without running it."""

import ast
from collections.abc import Iterator
from pathlib import Path


def scorer_files(path: str) -> list[str]:
    """The scorer's file, and every module of its folder that is imported on the way.

    Installed packages are not among them: which ones there are, provenance.json does not say.

    Args:
        path: The file that the config names.

    Returns:
        Paths, the scorer's own first; of a file that is missing or no Python only its own path.
    """
    found, waiting = [path], [Path(path)]
    while waiting:
        for module in _imports(waiting.pop()):
            for name in (f"{module}.py", f"{module}/__init__.py"):
                file = Path(path).parent / name
                if file.is_file() and str(file) not in found:
                    found.append(str(file))
                    waiting.append(file)
    return [found[0], *sorted(found[1:])]


def _imports(file: Path) -> Iterator[str]:
    """Paths of the modules that a file may import, without the ending; `a.b` as `a`, `a/b`."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            yield from ("/".join(parts[: end + 1]) for end in range(len(parts)))
