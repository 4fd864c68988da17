"""The command names the files that it wrote, or says that the run is not finished."""

import json

import pytest
from steering_reliability.claims.evidence_tables import make_evidence_tables
from steering_reliability.commands.writeup import writeup_lines
from steering_reliability.config.files import WORKFLOW, read_config
from steering_reliability.errors import InputError
from steering_reliability.evidence.sanity_checks import sanity_checks
from steering_reliability.evidence.summary import summarise
from steering_reliability.results.tables import write_table
from steering_reliability.run.plan import plan_run
from synthetic_run import tiny_results


def test_an_unfinished_run_is_named_and_a_finished_one_has_its_folder(config, monkeypatch, tmp_path):
    monkeypatch.chdir(WORKFLOW)
    plan = plan_run(read_config(config))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="not finished"):
        list(writeup_lines(plan))
    results = tiny_results()
    summary = summarise(results)
    sanity = sanity_checks(results, summary=summary)
    claims = make_evidence_tables(results, summary=summary, sanity=sanity, seed=0)["claims"]
    run = tmp_path / "run"
    for name, table in (("summary", summary), ("claims", claims)):
        write_table(table, run / f"tables/{name}.csv")
    (run / "provenance.json").write_text(json.dumps({"config": plan.config.model_dump(mode="json")}))
    (run / "figures").mkdir()
    (run / "figures/tradeoff.pdf").write_bytes(b"%PDF")
    lines = list(writeup_lines(plan))
    assert [line.rsplit("/", 1)[-1] for line in lines][:2] == ["methods.md", "results.md"]
    assert lines[-1].endswith("writeup/figures/tradeoff.pdf")
