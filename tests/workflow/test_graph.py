"""The shape of the workflow: its graph, its rules' manners and its named targets."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import networkx as nx
import pytest
from project import REPOSITORY, Project
from steering_reliability.analysis.page.rule_graph import RULES as PICTURE

SNAKEFILE = REPOSITORY / "Snakefile"
RULE_FILES = sorted((REPOSITORY / "rules").glob("*.smk"))
SCRIPTS = sorted((REPOSITORY / "workflow" / "scripts").glob("*.py"))
PACKAGE = REPOSITORY / "workflow" / "steering_reliability"
TARGETS = {
    "prompts": {"prepare_prompts", "measure_shift"},
    "directions": {"prepare_prompts", "measure_activations", "build_direction"},
    "baseline": {"prepare_prompts", "measure_lengths", "complete_baseline"},
}
TARGETS["completions"] = TARGETS["directions"] | TARGETS["baseline"] | {"complete_shard"}
TARGETS["results"] = TARGETS["completions"] | {
    *("measure_shift", "aggregate", "summarise", "check_sanity", "weigh_evidence", "record_provenance")
}
TARGETS["figures"] = TARGETS["completions"] | {
    *("aggregate", "summarise", "check_sanity", "weigh_evidence", "draw_figures")
}
TARGETS["reports"] = TARGETS["figures"] | {"record_provenance", "write_examples", "write_report"}
TARGETS["all"] = TARGETS["reports"] | TARGETS["results"] | {"record_checksums"}

# What `snakemake --lint` says and why it stays: a part of the message -> the reason.
LINT_THAT_STAYS: dict[str, str] = {}

# Modules that a script imports and whose text does not show in what its rule writes.
NOT_IN_THE_BYTES = {
    "errors.py": "what a user reads when nothing is written",
    "binding.py": "where a job's output and errors go",
    "termination.py": "when a process ends",
    "digest.py": "is the digest",
    "whole_file.py": "how a file comes into its place",
    "prompts/problems.py": "how faults are listed",
    "config.py": "its values reach the rules as params",
    "config_reading.py": "its values reach the rules as params",
    "conditions.py": "its values reach the rules as params",
}
# Changed code in these asks for nothing new.
MADE_ONCE = {
    "prepare_model": "a model is converted once; a later run never converts it again",
    "tune_refusal": "a model is tuned once; its card says how",
}
# The command at the end of build_direction.py is for people, not for rules.
COMMAND = {"experiments/command.py", "experiments/direction_request.py", "run_plan.py"}
COMMAND |= {"job_needs.py", "model_source.py", "model_hub.py", "model_hub_errors.py"}
# Modules that come along with one that a rule needs, and have no say in what it writes.
UNUSED_BY = {
    # The worker reads directions with it; the baseline has none.
    "complete_baseline": {"directions/files.py"},
    "build_direction": COMMAND,
    "check_sanity": COMMAND,
}
UPSTREAM = {
    "aggregate": ["prepare_prompts", "complete_shard"],
    "summarise": ["aggregate"],
    "check_sanity": ["summarise", "build_direction"],
    "draw_figures": ["weigh_evidence"],
    "weigh_evidence": ["check_sanity"],
    "record_provenance": ["aggregate"],
    "write_examples": ["summarise"],
    "write_report": ["weigh_evidence", "draw_figures", "record_provenance"],
    "record_checksums": ["write_report", "write_examples"],
    "complete_shard": ["prepare_prompts", "measure_lengths", "build_direction"],
    "complete_baseline": ["prepare_prompts", "measure_lengths"],
    "build_direction": ["measure_activations"],
    "measure_activations": ["prepare_prompts"],
    "measure_shift": ["prepare_prompts"],
    "measure_lengths": ["prepare_prompts"],
}


def rules() -> Iterator[tuple[str, str]]:
    """Name and text of every rule."""
    for path in [SNAKEFILE, *RULE_FILES]:
        for block in re.split(r"^(?= *rule \w+:)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            yield block.split("rule ", 1)[1].split(":", 1)[0], block


RULES = dict(rules())
WORKING = [name for name, text in RULES.items() if "script:" in text]


@pytest.mark.parametrize("kind", ["--dag", "--rulegraph"])
def test_the_graph_can_be_drawn(kind: str, fresh: Project) -> None:
    run = subprocess_stdout(fresh, kind)
    assert run.startswith("digraph")
    for rule in TARGETS["all"]:
        assert rule in run
    if shutil.which("dot") is None:
        pytest.skip("graphviz's dot is not installed, so the text was not drawn")
    drawn = subprocess.run(["dot", "-Tsvg"], input=run, capture_output=True, text=True, check=False)
    assert drawn.returncode == 0, drawn.stderr
    assert "<svg" in drawn.stdout


def subprocess_stdout(project: Project, *arguments: str, config: str = "run.yaml") -> str:
    """What a user pipes on: stdout alone."""
    command = [sys.executable, "-m", "snakemake", "--configfile", config, *arguments]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_picture_on_the_page_is_the_graph(fresh: Project) -> None:
    """With the embedded model, which is a rule's work too."""
    text = subprocess_stdout(fresh, "--rulegraph", config="config.yaml")
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', text))
    graph = nx.DiGraph((names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", text))
    graph.remove_node("all")
    drawn = {(need, rule) for rule, needs in PICTURE.items() for need in needs}
    assert set(nx.transitive_reduction(graph).edges) == drawn


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_asks_for_its_rules_and_no_others(target: str, fresh: Project) -> None:
    jobs = fresh.plan(target).jobs
    assert {job.rule for job in jobs} - {target} == TARGETS[target]
    assert set(jobs.values()) == {1}


def test_lint_is_silent(fresh: Project) -> None:
    run = fresh.snakemake("--lint")
    found = re.findall(r"^    \* (.*)$", run.output, re.MULTILINE)
    unexplained = [line for line in found if not any(known in line for known in LINT_THAT_STAYS)]
    assert not unexplained, run.output
    assert LINT_THAT_STAYS or "Congratulations" in run.output, run.output


def test_rules_are_formatted() -> None:
    files = [str(path) for path in (SNAKEFILE, *RULE_FILES)]
    done = subprocess.run(
        [sys.executable, "-m", "snakefmt", "--check", *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_has_a_docstring(rule: str) -> None:
    if rule == "all":
        return
    assert re.match(r' *rule \w+:\n +"""[A-Z].*[.?]"""\n', RULES[rule]), RULES[rule]


@pytest.mark.parametrize("rule", WORKING)
def test_a_working_rule_says_what_it_needs(rule: str) -> None:
    for part in ("log:", "message:", "resources:", "mem_mb=", "runtime=", "conda:"):
        assert part in RULES[rule], f"rule {rule} has no {part}"


def test_files_stay_thin() -> None:
    assert len(SNAKEFILE.read_text(encoding="utf-8").splitlines()) <= 40
    assert {path.stem for path in SCRIPTS} == set(WORKING)
    for path in SCRIPTS:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 27, path


def test_reading_the_snakefile_is_light(fresh: Project) -> None:
    code = (
        "import sys, runpy\n"
        "sys.argv = ['snakemake', '--configfile', 'run.yaml', '--dry-run', '--quiet', 'all']\n"
        "try:\n    runpy.run_module('snakemake', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "print('LOADED', *sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=fresh.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split("LOADED ", 1)[1].split())
    assert "steering_reliability.run_plan" in loaded
    assert not loaded & {"torch", "transformers", "transformer_lens", "pandas", "sklearn", "matplotlib"}


@pytest.mark.parametrize("rule", WORKING)
def test_a_rule_runs_again_when_its_code_changes(rule: str) -> None:
    """Every module that a rule's script imports is in the digest of the rule, or of one before it."""
    if rule in MADE_ONCE:
        assert "code=" not in RULES[rule]
        return
    digested = {part for name in (rule, *before(rule)) for part in digest_parts(name)}
    script = f"../scripts/{rule}.py"
    assert script in digest_parts(rule)
    roots = [PACKAGE / script, *([PACKAGE / "generation" / "worker.py"] if rule.startswith("complete_") else [])]
    needed = {str(path.relative_to(PACKAGE)) for path in closure(roots)} - NOT_IN_THE_BYTES.keys()
    needed -= UNUSED_BY.get(rule, set())
    missing = [
        name for name in sorted(needed) if not any(name == part or name.startswith(f"{part}/") for part in digested)
    ]
    assert not missing, f"rule {rule} does not notice a change in {missing}"


def before(rule: str) -> set[str]:
    """All rules upstream of a rule."""
    direct = UPSTREAM.get(rule, [])
    return {*direct, *(further for name in direct for further in before(name))}


def digest_parts(rule: str) -> tuple[str, ...]:
    """What the `code` of a rule is a digest of, in a run in which every part counts."""
    found = re.search(r"^ {8}code=(.*?),\n {4}\w+:", RULES[rule], re.MULTILINE | re.DOTALL)
    assert found, f"rule {rule} has no code="
    plan = SimpleNamespace(directions={"any": SimpleNamespace(method="outcome_conditioned")})
    value: Any = eval(found[1], {"digest": lambda *parts: parts, "RUN": plan})
    parts = value(SimpleNamespace(direction="any")) if callable(value) else value
    return (*parts, *engine_parts()) if "engine=ENGINE" in RULES[rule] else parts


def engine_parts() -> tuple[str, ...]:
    """What the engine's digest is of, which both completion rules share."""
    text = (SNAKEFILE.parent / "rules" / "completions.smk").read_text(encoding="utf-8")
    found = re.search(r"^ENGINE = (digest\(.*?\))$", text, re.MULTILINE | re.DOTALL)
    assert found
    return eval(found[1], {"digest": lambda *parts: parts})


def closure(roots: list[Path]) -> set[Path]:
    """Modules of the package that some files import, and those import, and so on."""
    seen: set[Path] = set()
    waiting = list(roots)
    while waiting:
        for path in imported(waiting.pop()):
            if path not in seen:
                seen.add(path)
                waiting.append(path)
    return seen


def imported(path: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("steering_reliability"):
            for alias in node.names:
                inside = [f"{node.module}.{alias.name}", str(node.module)]
                candidates = [PACKAGE.parent / f"{name.replace('.', '/')}.py" for name in inside]
                yield from [candidate for candidate in candidates if candidate.is_file()][:1]
