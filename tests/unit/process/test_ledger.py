"""What computed each file stands in its log, and a run that was computed in two ways says so."""

import json
import re
from pathlib import Path

from steering_reliability.process.ledger import mixture_note, read_ledger, record_making

AMX = {"processor": "Xeon", "device": "cpu", "dtype": "bfloat16", "torch": "2.13.0", "gpu": None}
OLD = AMX | {"processor": "Old", "dtype": "float32"}


def write(folder: Path, *facts: dict | None) -> list[Path]:
    logs = []
    for number, one in enumerate(facts):
        logs.append(folder / f"{number}.log")
        if one is not None:
            logs[-1].write_text(f"words\nmade with {json.dumps(one)}\nmore words\n")
    return logs


def test_a_job_says_what_computed_and_of_which_commit(capsys, tmp_path):
    record_making(AMX)
    line = capsys.readouterr().out
    (tmp_path / "a.log").write_text(line)
    (entry,) = read_ledger([tmp_path / "a.log"])
    assert {name: entry[name] for name in AMX} == AMX
    assert re.fullmatch(r"[0-9a-f]{40}( \(changed\))?", entry["commit"]) if entry["commit"] else True


def test_files_are_counted_by_what_made_them_and_the_last_line_of_a_log_counts(tmp_path):
    logs = write(tmp_path, AMX, OLD, AMX, None)
    assert read_ledger(logs) == [{"files": 2, **AMX}, {"files": 1, **OLD}, {"files": 1}]
    logs[0].write_text(f"made with {json.dumps(OLD)}\nmade with {json.dumps(AMX)}\n")
    assert read_ledger(logs[:1]) == [{"files": 1, **AMX}]


def test_a_mixture_is_named_by_what_differs_and_kinds_that_do_not_differ_are_counted_together():
    ledger = [{"files": 57, **AMX, "commit": "a"}, {"files": 12, **OLD}, {"files": 2, **AMX, "commit": "b"}]
    note = str(mixture_note(ledger))
    assert "59 with processor Xeon, number format bfloat16; 12 with processor Old, number format float32" in note
    assert "torch" not in note


def test_what_is_alike_or_not_known_is_no_mixture():
    assert mixture_note([]) is None
    assert mixture_note([{"files": 3}]) is None
    assert mixture_note([{"files": 57, **AMX}, {"files": 3}]) is None
    # Another commit of the same code may be another README.
    assert mixture_note([{"files": 57, **AMX, "commit": "a"}, {"files": 1, **AMX, "commit": "b"}]) is None
