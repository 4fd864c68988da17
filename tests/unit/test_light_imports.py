"""What costs seconds to import is imported where it is used."""

import subprocess
import sys
from pathlib import Path

import pytest

WORKFLOW = Path(__file__).parents[2] / "workflow"
ROOMS = ("statistics", "results", "evidence", "claims", "figures", "report", "text")
MODULES = [path for room in ROOMS for path in sorted((WORKFLOW / "steering_reliability" / room).glob("*.py"))]
ANALYSIS = [".".join(path.relative_to(WORKFLOW).with_suffix("").parts).removesuffix(".__init__") for path in MODULES]
CHECKS = [f"steering_reliability.prompts.{name}" for name in ("check", "generate", "ingest", "sets")]
IMPORT = "steering_reliability.commands.import_prompts"
SHARD_JOB = [f"steering_reliability.worker.{name}" for name in ("write_shard", "client")]
HEAVY = "torch transformers transformer_lens pandas numpy scipy sklearn"


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        (f"import {', '.join(ANALYSIS)}", "torch transformers transformer_lens"),
        (f"import {', '.join(CHECKS)}", HEAVY),
        (f"import {IMPORT}", f"{HEAVY} pydantic pyarrow huggingface_hub"),
        # A shard job, of which there are thousands.
        (f"import {', '.join(SHARD_JOB)}", f"{HEAVY} pydantic"),
        # Snakemake loads the plugin before the Snakefile says where the package lies.
        ("import snakemake_logger_plugin_progress", f"{HEAVY} steering_reliability"),
        ("import steering_reliability.metrics", HEAVY),
        ("import steering_reliability", f"{HEAVY} pydantic"),
        ("from steering_reliability import load_model, load_results, load_direction", "torch pandas"),
        ("from steering_reliability import score_text; score_text('Sure', n_tokens=1)", "torch pandas"),
    ],
    ids=["analysis", "prompts", "import", "shard job", "plugin", "metrics", "package", "readers", "score"],
)
def test_nothing_heavy_is_imported_before_it_is_used(code, absent):
    command = [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"]
    done = subprocess.run(command, env={"PYTHONPATH": str(WORKFLOW)}, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & set(absent.split())
