import subprocess
import sys
from pathlib import Path

WORKFLOW = Path(__file__).parents[2] / "workflow"
ROOMS = ("statistics", "results", "evidence", "claims", "figures", "report", "text")


def test_the_analysis_never_imports_torch():
    modules = [path for room in ROOMS for path in sorted((WORKFLOW / "steering_reliability" / room).glob("*.py"))]
    names = [".".join(path.relative_to(WORKFLOW).with_suffix("").parts).removesuffix(".__init__") for path in modules]
    code = "import sys, importlib\nfor name in sys.argv[1:]: importlib.import_module(name)\n" \
        "sys.exit(bool({'torch', 'transformers', 'transformer_lens'} & set(sys.modules)))"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code, *names], env={"PYTHONPATH": str(WORKFLOW)}, check=False)
    assert done.returncode == 0
