"""Read a YAML file of sections, or say in which line it is none."""

from pathlib import Path
from typing import Any

import yaml

from steering_reliability.errors import InputError

_FIX = "correct that line; YAML is indented with spaces, and every bracket and quote is closed"


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds sections.

    Raises:
        InputError: When it can't be read, is no YAML or holds something else; names the line.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        raise InputError(f"the config is no valid YAML: {_said(error)}", where=_where(path, error), fix=_FIX) from None
    except (yaml.YAMLError, RecursionError) as error:
        what = f"the config is no valid YAML: {str(error).splitlines()[0]}"
        raise InputError(what, where=str(path), fix="correct the file") from None
    except UnicodeDecodeError:
        raise InputError("the config is not UTF-8", where=str(path), fix="save it as UTF-8") from None
    except OSError as error:
        what = f"the config can't be read: {error.strerror}"
        raise InputError(what, where=str(path), fix="correct the path or the file") from None
    if not isinstance(content, dict):
        raise InputError("the config is no mapping of sections", where=str(path), fix="look at config.yaml")
    return content


def _said(error: yaml.MarkedYAMLError) -> str:
    # The context says what was being read when the problem came ("while parsing a flow sequence").
    began = error.context_mark
    since = f"{error.context} that begins on line {began.line + 1}, " if error.context and began else ""
    if error.problem and r"'\t'" in error.problem:
        return f"{since}a tab where spaces must stand"
    return since + (error.problem or str(error.context))


def _where(path: Path, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f"{path}, line {mark.line + 1}, column {mark.column + 1}" if mark else str(path)
