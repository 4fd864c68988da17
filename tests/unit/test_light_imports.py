import subprocess
import sys
from pathlib import Path

import pytest

WORKFLOW = Path(__file__).parents[2] / "workflow"
ROOMS = ("statistics", "results", "evidence", "claims", "figures", "report", "text")


def module(path: Path) -> str:
    return ".".join(path.relative_to(WORKFLOW).with_suffix("").parts).removesuffix(".__init__")


ANALYSIS = [module(path) for room in ROOMS for path in sorted((WORKFLOW / "steering_reliability" / room).glob("*.py"))]
TORCH = ["torch", "transformers", "transformer_lens"]


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        (ANALYSIS, TORCH),
        # A shard job, of which there are thousands.
        (
            ["steering_reliability.worker.write_shard", "steering_reliability.worker.client"],
            [*TORCH, "numpy", "pandas", "pydantic"],
        ),
        # Snakemake loads the plugin before the Snakefile says where the package lies.
        (["snakemake_logger_plugin_progress"], ["steering_reliability"]),
    ],
)
def test_what_starts_often_or_needs_no_model_imports_nothing_heavy(modules, heavy):
    code = "import sys, importlib\nfor name in sys.argv[1].split(): importlib.import_module(name)\n" \
        "print(*sorted(set(sys.argv[2:]) & set(sys.modules)))"  # fmt: skip
    command = [sys.executable, "-c", code, " ".join(modules), *heavy]
    done = subprocess.run(command, env={"PYTHONPATH": str(WORKFLOW)}, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
