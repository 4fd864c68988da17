"""A digest names the code that a rule runs: what it says, and nothing else."""

import ast
import re
from pathlib import Path

import pytest
from steering_reliability.process import code_digest as module
from steering_reliability.process.code_digest import (
    PACKAGE,
    SCRIPTS,
    UNCHANGING,
    code_of,
    package_digest,
)


def import_closure(*scripts, without=()):
    """The files that `code_of` digests, assets left out."""
    return module._closure([module._place(name) for name in scripts], without=without)


ALL_SCRIPTS = sorted(path.stem for path in SCRIPTS.glob("*.py"))

MADE_UP = {
    "scripts/steer.py": "from steering_reliability.evidence.summary import summarise\n",
    "scripts/write.py": "from steering_reliability.generation import (\n    engine,\n    worker,\n)\n",
    "scripts/read.py": "def read():\n    import steering_reliability.prompts.read\n",
    "steering_reliability/__init__.py": "",
    "steering_reliability/errors.py": "from steering_reliability.prompts.read import READ\n",
    "steering_reliability/evidence/summary.py": "from steering_reliability.evidence import rates  # of text\n",
    "steering_reliability/evidence/rates.py": "from steering_reliability.errors import InputError\n",
    "steering_reliability/evidence/unused.py": "ALONE = True\n",
    "steering_reliability/generation/__init__.py": "VERSION = 1\n",
    "steering_reliability/generation/engine.py": "from steering_reliability.worker.server import Worker\n",
    "steering_reliability/worker/server.py": "from steering_reliability.generation.engine import Engine\n",
    "steering_reliability/generation/batch.py": "SIZE = 3\n",
    "steering_reliability/prompts/read.py": "READ = 1\n",
    "steering_reliability/templates/page.html": "<p>\n",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A made-up package with three scripts."""
    for name, text in MADE_UP.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(module, "PACKAGE", tmp_path / "steering_reliability")
    monkeypatch.setattr(module, "SCRIPTS", tmp_path / "scripts")
    return tmp_path


def append(path, text):
    """Change a file, as between two runs of Snakemake."""
    path.write_text(path.read_text() + text)
    forget()


def forget():
    """Read every file anew."""
    for kept in (module._text, module._imported):
        kept.cache_clear()


def digests(*scripts, **options):
    return {script: code_of(script, **options) for script in scripts}


def names(*scripts, **options):
    return {path.name for path in import_closure(*scripts, **options)}


def test_what_is_imported_in_any_form_is_found_and_so_is_what_that_imports(folder):
    assert names("steer") == {"steer.py", "summary.py", "rates.py"}
    # A package's own file counts with the modules named, and two that import each other end.
    assert names("write") == {"write.py", "__init__.py", "engine.py", "server.py"}
    assert names("read") == {"read.py"}
    assert len(import_closure("read")) == 2
    assert names("generation/batch.py") == {"batch.py"}


@pytest.mark.parametrize(
    ("changed", "scripts"),
    [
        ("steering_reliability/evidence/rates.py", {"steer"}),
        ("steering_reliability/evidence/summary.py", {"steer"}),
        ("scripts/steer.py", {"steer"}),
        ("steering_reliability/generation/engine.py", {"write"}),
        ("steering_reliability/generation/__init__.py", {"write"}),
        ("steering_reliability/prompts/read.py", {"read"}),
        ("steering_reliability/generation/batch.py", set()),
        ("steering_reliability/evidence/unused.py", set()),
        # What a user reads when nothing is written; what it imports is not followed.
        ("steering_reliability/errors.py", set()),
    ],
)
def test_a_changed_module_changes_the_digest_of_every_script_that_runs_it_and_of_no_other(folder, changed, scripts):
    before = digests("steer", "write", "read")
    append(folder / changed, "# changed\n")
    after = digests("steer", "write", "read")
    assert {script for script in before if after[script] != before[script]} == scripts


def test_what_only_runs_as_a_command_does_not_count(folder):
    before = code_of("steer")
    command = '\n\nif __name__ == "__main__":\n    from steering_reliability.generation.batch import SIZE\n'
    append(folder / "steering_reliability/evidence/rates.py", command)
    with_command = code_of("steer")
    assert "batch.py" not in names("steer")
    append(folder / "steering_reliability/evidence/rates.py", "    print(SIZE)\n")
    assert code_of("steer") == with_command
    append(folder / "steering_reliability/generation/batch.py", "# changed\n")
    assert code_of("steer") == with_command != before


def test_modules_that_a_job_does_not_run_are_left_out_with_what_only_they_import(folder):
    assert names("steer", without=["evidence/summary.py"]) == {"steer.py"}
    assert names("steer", without=["evidence/rates.py"]) == {"steer.py", "summary.py"}
    before = code_of("steer", without=["evidence/summary.py"])
    append(folder / "steering_reliability/evidence/rates.py", "# changed\n")
    assert code_of("steer", without=["evidence/summary.py"]) == before


def test_files_that_are_read_as_data_count_where_they_are_named(folder):
    before = code_of("steer"), code_of("steer", assets=["templates"]), package_digest()
    append(folder / "steering_reliability/templates/page.html", "</p>\n")
    after = code_of("steer"), code_of("steer", assets=["templates"]), package_digest()
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, False]
    for name, assets in (("no_script", []), ("no_module.py", []), ("steer", ["no_folder"])):
        with pytest.raises(FileNotFoundError):
            code_of(name, assets=assets)


def test_a_touched_file_and_bytecode_change_nothing_and_a_renamed_module_does(folder):
    before = code_of("generation/batch.py", assets=["generation"]), package_digest()
    (folder / "steering_reliability/generation/engine.py").touch()
    (folder / "steering_reliability/generation/__pycache__").mkdir()
    (folder / "steering_reliability/generation/__pycache__/engine.pyc").write_bytes(b"bytecode")
    forget()
    assert (code_of("generation/batch.py", assets=["generation"]), package_digest()) == before
    batch = code_of("generation/batch.py")
    (folder / "steering_reliability/generation/batch.py").rename(folder / "steering_reliability/generation/rows.py")
    forget()
    assert code_of("generation/rows.py") != batch


def test_it_is_sixteen_hexadecimal_digits_and_the_order_of_the_parts_does_not_matter():
    assert re.fullmatch(r"[0-9a-f]{16}", code_of("aggregate"))
    assert re.fullmatch(r"[0-9a-f]{16}", package_digest())
    assert code_of("aggregate", "summarise") == code_of("summarise", "aggregate")
    assert code_of("aggregate") != code_of("aggregate", "draw_figures")


def parsed_imports(path: Path) -> set[Path]:
    """What a file imports of the package, by Python's own grammar."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8").partition('\nif __name__ == "__main__":')[0])):
        modules = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        places = [PACKAGE.parent / name.replace(".", "/") for name in modules if name.split(".")[0] == PACKAGE.name]
        found |= {file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")}
    return {path for path in found if path.is_file() and path != PACKAGE / "__init__.py"}


def parsed_closure(start: Path, *, through: bool = False) -> set[Path]:
    """All files that are imported on the way; with `through`, by way of `UNCHANGING` ones as well."""
    waiting, found = [start], {start}
    while waiting:
        imported = parsed_imports(waiting.pop()) - found
        new = {path for path in imported if through or str(path.relative_to(PACKAGE)) not in UNCHANGING}
        found |= new
        waiting += new
    return found


@pytest.mark.parametrize("script", [*ALL_SCRIPTS, "worker/server.py"])
def test_the_imports_of_every_script_are_those_that_pythons_grammar_finds(script):
    start = PACKAGE / script if script.endswith(".py") else SCRIPTS / f"{script}.py"
    assert import_closure(script) == parsed_closure(start)


def test_every_module_that_is_left_out_is_imported_by_a_script_and_has_its_reason():
    starts = [*(SCRIPTS / f"{script}.py" for script in ALL_SCRIPTS), PACKAGE / "worker" / "server.py"]
    imported = set().union(*(parsed_closure(start, through=True) for start in starts))
    assert {PACKAGE / name for name in UNCHANGING} <= imported
    assert all(UNCHANGING.values())


@pytest.mark.parametrize(
    ("module", "some", "others"),
    [
        ("text/numbers.py", {"make_evidence_tables", "check_sanity", "write_report"}, {"aggregate", "summarise"}),
        ("evidence/cluster_counts.py", {"summarise", "make_evidence_tables", "choose_claim_points"}, {"aggregate"}),
        ("metrics/phrases.py", {"aggregate", "choose_claim_points"}, {"summarise", "draw_figures", "complete_shard"}),
        ("prompts/similarity.py", {"aggregate"}, {"summarise", "measure_lengths", "build_direction"}),
        ("prompts/reading.py", {"prepare_prompts", "measure_lengths", "measure_shift", "aggregate"}, {"summarise"}),
        # No run becomes stale by ingestion.
        ("prompts/ingest.py", set(), set(ALL_SCRIPTS)),
        ("worker/write_shard.py", {"complete_shard"}, {"aggregate", "build_direction"}),
        ("directions/build_direction.py", {"build_direction"}, {"measure_activations", "aggregate"}),
    ],
)
def test_a_module_of_the_package_concerns_the_scripts_that_import_it(module, some, others):
    concerned = {script for script in ALL_SCRIPTS if PACKAGE / module in import_closure(script)}
    assert some <= concerned
    assert not others & concerned


@pytest.mark.parametrize("script", ["aggregate", "write_report"])
def test_a_script_that_was_fetched_counts_as_if_it_lay_beside_the_package(tmp_path, script):
    fetched = tmp_path / f"{script}.py@v0.1.0"
    # As Snakemake leaves it: without the newline at the end.
    fetched.write_bytes((SCRIPTS / f"{script}.py").read_bytes().removesuffix(b"\n"))
    assert code_of(script, script_file=lambda name: tmp_path / f"{name}.py@v0.1.0") == code_of(script)
    changed = tmp_path / "changed.py"
    changed.write_text(f"{fetched.read_text()}\nprint()\n")
    assert code_of(script, script_file=lambda name: changed) != code_of(script)
    # A module is never fetched.
    assert code_of("worker/server.py", script_file=lambda name: "nowhere.py") == code_of("worker/server.py")
