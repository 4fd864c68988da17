"""The package's rooms: which may import which, how large each is, and that the tests mirror them."""

import ast
from collections import Counter
from pathlib import Path

import pytest
import steering_reliability
from steering_reliability.process.code_digest import PACKAGE

MAY_IMPORT = {
    "text": "",
    "statistics": "",
    "metrics": "errors",
    "config": "errors metrics",
    "process": "errors files",
    "prompts": "errors files",
    "model": "errors files config process prompts",
    "interventions": "config",
    "directions": "errors files config process metrics prompts model",
    "generation": "errors config process model interventions directions",
    "vllm_engine": "errors process model interventions generation",
    "worker": "errors files process model directions generation vllm_engine",
    "scan": "errors files text process prompts model interventions directions generation worker",
    "tuning": "errors config metrics prompts model generation",
    "run": "errors files text config process prompts model vllm_engine worker scan",
    "results": "errors files text metrics prompts directions",
    "evidence": "text statistics metrics prompts run results",
    "claims": "text statistics results evidence",
    "figures": "files text statistics scan results evidence",
    "report": "errors files text process prompts run results evidence claims figures",
    "library": "errors text config metrics prompts model interventions directions generation run results",
    "commands": "errors files text config metrics process prompts model directions generation vllm_engine run results "
    "evidence claims report library",
    "notebook": "errors files config process run commands",
    "experiments": "run commands",
}
"""What each room may import beside itself, from the bottom to the top: only what stands above it here."""

LOOSE = {"errors", "files", "__init__", "__main__"}
COMMAND = '\nif __name__ == "__main__":'
WITHOUT_A_TEST: dict[str, str] = {
    "__main__.py": "unit/commands/test_app.py",
    "errors.py": "unit/commands/test_plan_command.py",
    "config/schema.py": "unit/config/test_reading.py",
    "config/fields.py": "unit/config/test_reading.py",
    "config/direction.py": "unit/config/test_reading.py",
    "config/experiment.py": "unit/config/test_reading.py",
    "library/arguments.py": "unit/library/test_generate.py",
    "model/hub_errors.py": "unit/model/test_hub.py",
    "model/preparation.py": "unit/model/test_source.py",
    "process/job_log.py": "workflow/test_bad_input.py",
    "results/scoring.py": "unit/metrics/test_scorer.py",
    "results/shards.py": "unit/results/test_aggregate.py",
    "figures/comparison.py": "unit/evidence/test_run_comparison.py",
    "figures/dose_response.py": "unit/figures/test_controls.py",
    "figures/heatmap.py": "unit/figures/test_controls.py",
    "report/chart_style.py": "unit/report/test_charts.py",
    "report/tradeoff_chart.py": "unit/figures/test_tradeoff.py",
    "generation/batch.py": "unit/generation/test_engine.py",
    "generation/beginning.py": "unit/generation/test_engine.py",
    "generation/slot.py": "unit/generation/test_engine.py",
    "generation/transfer.py": "unit/generation/test_engine.py",
    "generation/requests.py": "unit/generation/test_rows.py",
    "generation/scoring.py": "unit/generation/test_engine.py",
    "vllm_engine/choosing.py": "vllm/test_parity.py",
    "vllm_engine/engine.py": "vllm/test_parity.py",
    "vllm_engine/extension.py": "vllm/test_parity.py",
    "vllm_engine/measured.py": "unit/vllm_engine/test_hooks.py",
    "vllm_engine/served_model.py": "vllm/test_parity.py",
    "vllm_engine/starting.py": "vllm/test_parity.py",
    "worker/read_activations.py": "vllm/test_study.py",
    "commands/begin.py": "workflow/test_installed.py",
    "commands/build_direction.py": "unit/commands/test_plan_command.py",
    "commands/probe.py": "unit/commands/test_doctor.py",
    "commands/show.py": "unit/commands/test_app.py",
    "experiments/run_baseline.py": "unit/commands/test_plan_command.py",
    "experiments/run_sweep.py": "unit/commands/test_plan_command.py",
}
"""Modules without a `test_<module>.py`, and the test that imports or runs them."""

TESTS = Path(__file__).parents[1]
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def room(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def imported(path: Path) -> set[str]:
    """Rooms and loose modules that a file imports, but for what it needs only as a command."""
    tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8").partition(COMMAND)[0])
    froms = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    plain = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return {room(name) for name in [*froms, *plain] if name.startswith("steering_reliability.")}


def modules_named_in(path: Path) -> set[str]:
    """Modules of the package that a file imports, as paths from the package."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "steering_reliability":
            names += [steering_reliability._HOMES.get(alias.name, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    found = {f"{name.removeprefix('steering_reliability.').replace('.', '/')}.py" for name in names}
    return found & {str(module) for module in MODULES}


def test_every_module_has_its_test_or_is_run_by_another():
    missing = {
        str(path)
        for path in MODULES
        if path.stem != "__init__" and not (TESTS / "unit" / path.parent / f"test_{path.name}").is_file()
    }
    assert missing == set(WITHOUT_A_TEST)
    for module, name in WITHOUT_A_TEST.items():
        named = modules_named_in(TESTS / name)
        near = named.union(*(modules_named_in(PACKAGE / one) for one in named))
        runs_programs = name.startswith(("workflow/", "vllm/")) or "subprocess" in (TESTS / name).read_text(
            encoding="utf-8"
        )
        assert module in near or runs_programs, (module, name)


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_a_room_imports_only_rooms_below_it(name):
    order = ["errors", "files", *MAY_IMPORT]
    allowed = set(MAY_IMPORT[name].split())
    assert allowed <= set(order[: order.index(name)])
    found = {one for path in MODULES if path.parts[0] == name for one in imported(path)} - {name}
    # Nothing stands in the list that is not needed any more.
    assert found == allowed


def test_every_module_has_a_room():
    assert {path.parts[0] for path in MODULES if len(path.parts) > 1} == set(MAY_IMPORT)
    assert {path.stem for path in MODULES if len(path.parts) == 1} == LOOSE


def test_no_room_holds_more_than_its_share():
    lines = Counter()
    for path in MODULES:
        lines[path.parts[0]] += len((PACKAGE / path).read_text(encoding="utf-8").splitlines())
    assert max(lines.values()) <= 0.15 * lines.total()


def test_statistics_know_no_column_of_ours():
    from steering_reliability.results.schema import COLUMN_DESCRIPTIONS

    for path in MODULES:
        if path.parts[0] == "statistics":
            tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
            texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
            assert not texts & set(COLUMN_DESCRIPTIONS)
