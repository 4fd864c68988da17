"""The scan that asks a worker measures what the scan with the model at hand does."""

import os
import tempfile

import pytest
import torch
from steering_reliability.directions.files import Activations, write_activations
from steering_reliability.prompts.schema import Prompt, write_prompts
from steering_reliability.scan.ask import ask_for_scan
from steering_reliability.scan.measure import measure_scan
from steering_reliability.scan.table import read_scan
from steering_reliability.worker.client import stop_workers
from steering_reliability.worker.protocol import WorkerIdentity
from tiny_model import planted_direction

SETTINGS = {
    **{"method": "contrastive_prefix", "direction_seed": 0, "interventions": ["add", "add_keep_norm"]},
    **{"strengths": [0.4, 0.1], "random_directions": 2, "seed": 3, "alpha_unit": "resid_norm"},
    **{"positions": "after_prompt", "openings": ["I'm sorry", "Sure, here"], "hook_point": "resid_post"},
    **{"device": "cpu", "dtype": "float32"},
    **{"system_prompt": None, "chat_template": "auto", "prompt_template": None},
}


@pytest.fixture
def worker(tiny_folder, monkeypatch):
    with tempfile.TemporaryDirectory(prefix="sr-", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield WorkerIdentity(str(tiny_folder), "cpu", "float32", "resid_post", 32, 512, os.getpid(), "scan")
        stop_workers(os.getpid())


def test_the_rows_are_those_of_the_scan_with_the_model_at_hand(worker, tiny_folder, tmp_path, capsys):
    prompts = {}
    for split, n in (("harm_train", 10), ("benign", 2)):
        prompts[split] = tmp_path / f"{split}.jsonl"
        given = [Prompt(f"{split}_{at}", f"How do I take item number {at}?", "f", "s") for at in range(n)]
        write_prompts(given, path=prompts[split])
    negative = torch.randn(4, 3, 32, generator=torch.Generator().manual_seed(0))
    activations = tmp_path / "activations.safetensors"
    write_activations(activations, Activations(negative + 2 * planted_direction(), negative, True))
    files = {"folder": tiny_folder, "activations": activations, "prompts": prompts, "settings": SETTINGS}
    measure_scan(tmp_path / "here.csv", **files)
    ask_for_scan(tmp_path / "there.csv", worker=worker, worker_log=tmp_path / "worker.log", **files)
    here, there = (read_scan(tmp_path / name) for name in ("here.csv", "there.csv"))
    names = ("intervention", "direction", "layer", "alpha", "split", "n", "coefficient")
    assert [[getattr(row, name) for name in names] for row in there] == [
        [getattr(row, name) for name in names] for row in here
    ]
    for one, other in zip(here, there, strict=True):
        for name in ("propensity_change", "first_token_kl", "propensity_change_sd", "first_token_kl_sd"):
            assert getattr(other, name) == pytest.approx(getattr(one, name), abs=1e-4)
    assert max(row.first_token_kl for row in here) > 0.1
    # The job's log says what computed.
    assert "made with" in capsys.readouterr().out
