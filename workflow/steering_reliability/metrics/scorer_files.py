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
        for module in _imports(waiting.pop(), top=Path(path).parent):
            for file in (module.with_suffix(".py"), module / "__init__.py"):
                if file.is_file() and str(file) not in found:
                    found.append(str(file))
                    waiting.append(file)
    return [found[0], *sorted(found[1:])]


def _imports(file: Path, *, top: Path) -> Iterator[Path]:
    """Where the modules would lie that a file may import, without an ending; for `a.b` both `a` and `a/b`."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (place for alias in node.names for place in _places(alias.name, below=top))
        elif isinstance(node, ast.ImportFrom):
            below = top if node.level == 0 else file.parents[node.level - 1]
            stem = [node.module] if node.module else []
            yield from (place for alias in node.names for place in _places(".".join([*stem, alias.name]), below=below))


def _places(name: str, *, below: Path) -> Iterator[Path]:
    parts = name.split(".")
    yield from (below.joinpath(*parts[: end + 1]) for end in range(len(parts)))
