"""Exported logs, read back with Inspect's own API and opened in its viewer."""

import json
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import sync_playwright
from steering_reliability.config.reading import load_config
from steering_reliability.results.aggregate import write_results
from steering_reliability.results.schema import read_results
from synthetic_run import realistic_results
from written_page import CHROMIUM, needs_chromium

READ = Path(__file__).with_name("read_inspect.py")
KEYS = ["role", "direction", "intervention", "layer", "alpha", "seed", "split"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run with checks, of one layer and two samples per prompt, with a system prompt."""
    folder = tmp_path_factory.mktemp("inspect") / "run"
    rows = realistic_results()
    rows = rows[(rows["layer"] == "14") & rows["alpha"].isin([0, 0.4, 0.5, 0.8]) & rows["id"].str.endswith(("0", "1"))]
    rows = pd.concat([rows, rows.assign(sample=1)])
    rows.loc[rows["id"].str.endswith("10"), "refusal_propensity"] = float("nan")
    folder.mkdir()
    write_results(rows.to_dict("records"), folder / "results.parquet")
    config = load_config(
        {
            "model": {"name": "m", "source": "models/m", "system_prompt": "Be brief."},
            "experiment": {"layers": [10, 14], "alphas": [0.2], "output_dir": str(folder)},
            "generation": {
                "max_new_tokens": 40,
                "num_samples_per_prompt": 2,
                "temperature": 0.7,
                "stop_strings": ["Q"],
            },
        }
    ).model_dump(mode="json")
    facts = {"config": config, "model": {"name": "m"}, "versions": {"torch": "2.13.0"}, "commit": "c0ffee"}
    (folder / "provenance.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def logs(run, inspect_python, call):
    output = run.parent / "logs"
    said = call(inspect_python, "-m", "steering_reliability", "export", "inspect", run, "--output", output)
    assert f"inspect view --log-dir {output}" in said
    return output


@pytest.fixture(scope="module")
def found(logs, inspect_python, call):
    call(inspect_python, READ, logs, logs.parent / "found.json")
    return json.loads((logs.parent / "found.json").read_text(encoding="utf-8"))


def by_condition(rows):
    return {tuple(row["eval"]["task_args"][key] for key in KEYS): row for row in rows}


def test_there_is_a_log_per_condition_and_split_and_one_of_the_unsteered_per_seed(found, run):
    results = read_results(run / "results.parquet")
    steered = results[~results["from_baseline"]]
    expected = {tuple(row) for row in steered[KEYS].drop_duplicates().itertuples(index=False)}
    plain = results[results["from_baseline"]][["seed", "split"]].drop_duplicates()
    expected |= {("baseline", None, None, None, 0.0, row.seed, row.split) for row in plain.itertuples()}
    assert set(by_condition(found["logs"])) == expected
    assert len(found["logs"]) == len(expected)
    assert {log["status"] for log in found["logs"]} == {"success"}


def test_every_completion_and_score_is_read_back(found, run):
    results = read_results(run / "results.parquet").set_index([*KEYS, "id", "sample"])
    compared = 0
    for keys, log in by_condition(found["logs"]).items():
        if keys[0] == "baseline":
            continue
        for sample in log["samples"]:
            row = results.loc[(*keys, sample["id"], sample["epoch"] - 1)]
            assert [message["role"] for message in sample["messages"]] == ["system", "user", "assistant"]
            assert (sample["input"], sample["output"]["completion"]) == (row["prompt"], row["completion"])
            for name, score in sample["scores"].items():
                assert score["value"] == row[name], name
            missing = {"refusal_propensity"} if sample["id"].endswith("10") else set()
            assert missing.isdisjoint(sample["scores"])
            assert len(sample["scores"]) + len(missing) == 8
            assert sample["metadata"]["style"] == row["style"]
            compared += 1
    assert compared == (~read_results(run / "results.parquet")["from_baseline"]).sum()


def test_means_are_the_run_s_rates_and_headers_hold_model_and_config(found, run):
    results = read_results(run / "results.parquet")
    row = next(one for one in found["evals"] if one["task_name"] == "harm_test: add, layer 14, alpha 0.8")
    cell = "role == 'main' and split == 'harm_test' and intervention == 'add' and layer == '14' and alpha == 0.8"
    rows = results.query(cell)
    assert row["score_is_refusal_mean"] == pytest.approx(rows["is_refusal"].mean())
    assert row["score_is_degenerate_mean"] == pytest.approx(rows["is_degenerate"].mean()) != 0
    assert (row["model"], row["epochs"], row["completed_samples"]) == ("m", 2, len(rows))
    about = json.loads(row["metadata"])
    asked = json.loads(row["model_generate_config"])
    same = {name: about["config"]["generation"][name] for name in ("temperature", "top_p", "seed")}
    assert asked == {"max_tokens": 40, **same, "stop_seqs": ["Q"]}
    assert about["config"]["experiment"]["layers"] == [10, 14]
    assert about["commit"] == "c0ffee"


def test_samples_df_has_the_columns_of_the_results(found, run):
    table = pd.DataFrame(found["samples"])
    assert {"score_is_refusal", "score_first_token_kl", "metadata_family", "input"} <= set(table)
    assert table["sample_id"].is_unique
    results = read_results(run / "results.parquet")
    unsteered = results[results["from_baseline"]].drop_duplicates(["seed", "split", "id", "sample"])
    assert len(table) == len(unsteered) + (~results["from_baseline"]).sum()


def test_a_second_export_is_the_same_evaluation_and_another_run_s_folder_is_left_alone(logs, run, inspect_python, call):
    again = run.parent / "again"
    command = [inspect_python, "-m", "steering_reliability", "export", "inspect", run, "--output"]
    call(*command, again)
    call(inspect_python, READ, again, run.parent / "again.json")
    first, second = (json.loads((run.parent / f"{name}.json").read_text()) for name in ("found", "again"))
    assert first["logs"] == second["logs"]
    (again / "other.eval").write_bytes(b"")
    assert "the folder holds other logs" in call(*command, again, code=1)


@needs_chromium
def test_the_viewer_shows_conditions_scores_and_completions(logs, inspect_python):
    few = logs.parent / "few"
    few.mkdir()
    for path in logs.glob("harm_test_main_*_layer_14_alpha_0.8_*.eval"):
        shutil.copy(path, few)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    view = [inspect_python.with_name("inspect"), "view", "start", "--log-dir", few, "--port", port]
    with subprocess.Popen(view, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(int(port))
            with sync_playwright() as play, play.chromium.launch(executable_path=CHROMIUM) as browser:
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.goto(f"http://127.0.0.1:{port}/")
                page.get_by_text("harm_test: add, layer 14, alpha 0.8").first.click(timeout=60_000)
                page.get_by_text("harm_test_0011").first.click(timeout=60_000)
                page.get_by_text("How does one do thing 11?").first.wait_for(timeout=60_000)
                shown = re.sub(r"\s+", " ", page.inner_text("body"))
        finally:
            server.terminate()
    assert "is_refusal" in shown and "How does one do thing 11?" in shown


def wait_for(port: int) -> None:
    """Until something listens there."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail("inspect view does not answer")
