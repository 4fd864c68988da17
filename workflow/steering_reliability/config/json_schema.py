"""The JSON schema of the config, for editors and for whoever writes configs by program."""

import json
import sys
from pathlib import Path

from steering_reliability.config.schema import Config


def config_schema() -> str:
    """The JSON schema of the config, with sorted keys.

    After a change of `config/schema.py`, from the repository's root:
    `PYTHONPATH=workflow python -m steering_reliability.config.json_schema workflow/schemas/config.schema.json`
    """
    return json.dumps(Config.model_json_schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(config_schema(), encoding="utf-8")
