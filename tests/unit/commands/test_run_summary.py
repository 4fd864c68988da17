import pytest
from steering_reliability.commands.summary import summary_lines
from steering_reliability.errors import InputError
from steering_reliability.experiments.command import ROOT, read_config
from steering_reliability.run_plan import plan_run


def test_an_unfinished_run_is_named(config, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(InputError, match="not finished"):
        list(summary_lines(plan_run(read_config(config))))


def test_ten_lines_with_the_rates_the_answers_and_the_report(config, monkeypatch, tmp_path):
    import pandas as pd
    from steering_reliability.analysis.claims import CLAIMS_COLUMNS
    from steering_reliability.analysis.summary import summarise
    from steering_reliability.analysis.tables import write_table
    from synthetic_run import realistic_results

    monkeypatch.chdir(ROOT)
    summary = summarise(realistic_results())
    write_table(summary, tmp_path / "run/tables/summary.csv")
    claim = {"claim": "trade-off", "verdict": "shown", "sentence": "There is a trade-off."}
    write_table(pd.DataFrame([claim], columns=CLAIMS_COLUMNS), tmp_path / "run/tables/claims.csv")
    lines = list(summary_lines(plan_run(read_config(config))))
    assert len(lines) == 3 + 5 + 1 + 1
    row = summary[summary["from_baseline"]].iloc[0]
    half = 50 * (row["refusal_harm_train_high"] - row["refusal_harm_train_low"])
    assert lines[3].split()[:3] == ["unsteered", f"{100 * row['refusal_harm_train']:.0f}%", f"±{half:.0f}"]
    assert "(best)" in lines[4]
    assert lines[-2] == "shown: There is a trade-off."
    assert lines[-1].startswith("report: ")
