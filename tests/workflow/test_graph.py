"""The shape of the workflow: its graph, its rules' manners and its named targets."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from project import REPOSITORY, Project

SNAKEFILE = REPOSITORY / "Snakefile"
RULE_FILES = sorted((REPOSITORY / "rules").glob("*.smk"))
SCRIPTS = sorted((REPOSITORY / "workflow" / "scripts").glob("*.py"))
TARGETS = {
    "prompts": {"prepare_prompts", "measure_shift"},
    "directions": {"prepare_prompts", "measure_activations", "build_direction"},
    "baseline": {"prepare_prompts", "measure_lengths", "complete_baseline"},
}
TARGETS["completions"] = TARGETS["directions"] | TARGETS["baseline"] | {"complete_shard"}
TARGETS["results"] = TARGETS["completions"] | {
    *("measure_shift", "aggregate", "summarise", "check_sanity", "make_evidence_tables", "record_provenance")
}
TARGETS["figures"] = TARGETS["completions"] | {
    *("aggregate", "summarise", "check_sanity", "make_evidence_tables", "draw_figures")
}
TARGETS["reports"] = TARGETS["figures"] | {"measure_shift", "record_provenance", "write_examples", "write_report"}
TARGETS["all"] = TARGETS["reports"] | TARGETS["results"] | {"record_checksums"}

# What a rule runs instead of the script of its name, where vLLM serves the model.
SERVED = {"measure_activations": "read_activations", "scan_layers": "ask_for_scan"}

# A model is converted and tuned once: changed code in these runs nothing again.
MADE_ONCE = {"prepare_model", "tune_refusal"}


def rules() -> Iterator[tuple[str, str]]:
    """Name and text of every rule."""
    for path in [SNAKEFILE, *RULE_FILES]:
        text = path.read_text(encoding="utf-8")
        for block in re.split(r"^(?= *(?:rule|checkpoint|use rule) \w+)", text, flags=re.MULTILINE)[1:]:
            yield re.search(r"(\w+)(?::| with:)", block)[1], block


RULES = dict(rules())
WORKING = [name for name, text in RULES.items() if "script:" in text]


@pytest.mark.skipif(shutil.which("tred") is None, reason="graphviz is not installed")
def test_the_picture_on_the_page_is_the_graph(fresh: Project) -> None:
    """Of the embedded model's run, as `make rulegraph` draws it; layouts differ between versions of graphviz."""
    command = [sys.executable, "-m", "snakemake", "--configfile", "config.yaml", "--rulegraph", "--forceall"]
    command += ["--config", "experiment={layers: [14], alphas: {add: [0.7]}}", "scan={share: 0.2}"]
    # What a user pipes on: stdout alone.
    text = subprocess.run(command, cwd=fresh.root, capture_output=True, text=True, check=True).stdout
    reduced = subprocess.run(["tred"], input=text, capture_output=True, text=True, check=True).stdout
    assert text.startswith("digraph")
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', text))
    edges = {(names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", reduced)}
    picture = (REPOSITORY / "workflow/steering_reliability/report/templates/rules.svg").read_text(encoding="utf-8")
    drawn = dict(re.findall(r"<title>(\d+)</title>\n<path .*\n<text .*>(\w+)</text>", picture))
    lines = {(drawn[a], drawn[b]) for a, b in re.findall(r"<title>(\d+)&#45;&gt;(\d+)</title>", picture)}
    assert (sorted(names.values()), edges) == (sorted(drawn.values()), lines), "run `make rulegraph`"


# `prompts`, `completions` and `all` run for real in other tests, and `figures` is a part of `reports`.
@pytest.mark.parametrize("target", ["directions", "baseline", "results", "reports"])
def test_a_target_asks_for_its_rules_and_no_others(target: str, fresh: Project) -> None:
    jobs = fresh.plan(target).jobs
    assert {job.rule for job in jobs} - {target} == TARGETS[target]
    assert set(jobs.values()) == {1}


def test_lint_is_silent(fresh: Project) -> None:
    run = fresh.snakemake("--lint")
    assert "Congratulations" in run.output, run.output


def test_rules_are_formatted() -> None:
    files = [str(path) for path in (SNAKEFILE, REPOSITORY / "workflow/Snakefile", *RULE_FILES)]
    done = subprocess.run(
        [sys.executable, "-m", "snakefmt", "--check", *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_files_stay_thin() -> None:
    assert len(SNAKEFILE.read_text(encoding="utf-8").splitlines()) <= 40
    # Both kinds of shards are written by one script.
    assert {path.stem for path in SCRIPTS} == set(WORKING) - {"complete_baseline"} | {"complete_shard"} | set(
        SERVED.values()
    )
    for path in SCRIPTS:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 45, path


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
    assert "steering_reliability.run.plan" in loaded
    assert not loaded & {"torch", "transformers", "transformer_lens", "pandas", "sklearn", "matplotlib"}


def test_a_rule_runs_again_when_its_code_changes() -> None:
    """Every rule digests the import closure of its own script, and leaves nothing to a rule before it."""
    text = "".join(path.read_text(encoding="utf-8") for path in RULE_FILES)
    digested = set(re.findall(r'\bcode=(?:lambda wildcards: )?code_of\(\s*"(\w+)"', text))
    assert digested == {path.stem for path in SCRIPTS} - MADE_ONCE - {*SERVED, *SERVED.values()}
    for name, served, own in re.findall(r'^ *(\w+) = "(\w+)" if IS_SERVED else "(\w+)"', text, re.MULTILINE):
        assert SERVED[own] == served
        assert f"code_of({name}" in RULES[own] and f"scripts/{{{name}}}.py" in RULES[own]
        digested |= {own, served}
    assert digested == {path.stem for path in SCRIPTS} - MADE_ONCE
    for rule in set(WORKING) - MADE_ONCE - {"complete_baseline", *SERVED}:
        assert f'"{rule}"' in RULES[rule].partition("code_of(")[2], rule
    # The worker runs in a process of its own, which no script imports.
    assert "**WRITING" in RULES["complete_baseline"] and "**WRITING" in RULES["complete_shard"]
    assert "engine=ENGINE" in text
    assert 'ENGINE = code_of("worker/vllm_server.py" if IS_SERVED else "worker/server.py")' in text


def test_whatever_reads_a_model_asks_for_its_card() -> None:
    """config.json has the same bytes for other weights of one architecture; the card has the hash of every file."""
    for rule in ("complete_baseline", "complete_shard", "measure_activations", "measure_lengths", "record_provenance"):
        assert "**MODEL" in RULES[rule]


def test_every_job_that_can_be_sent_elsewhere_says_its_memory_and_time() -> None:
    """Whoever imports the workflow has profiles of their own, in which nothing may be said."""
    for rule in set(WORKING) - {name for name in WORKING if "localrule: True" in RULES[name]}:
        assert "**LIGHT" in RULES[rule] or ("mem_mb=" in RULES[rule] and "runtime=" in RULES[rule]), rule
    common = (REPOSITORY / "rules/common.smk").read_text(encoding="utf-8")
    assert re.search(r"LIGHT = dict\(mem_mb=\d+, runtime=\d+\)", common)
