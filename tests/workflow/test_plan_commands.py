"""The plan's commands, word for word, one after the other in one folder, on a tiny model with twelve blocks."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from project import REPOSITORY, Project
from tiny_model import write_tiny_model

CONFIG = "configs/default.yaml"
PROMPTS = "python scripts/make_prompts.py --out_dir data/prompts --n_train 150 --n_test 150 --n_benign 200 --seed 0"
BASELINE = "python -m steering_reliability.experiments.run_baseline --config configs/default.yaml"
DIRECTION = "python -m steering_reliability.directions.build_direction --config configs/default.yaml --layer 8"
SWEEP = "python -m steering_reliability.experiments.run_sweep --config configs/default.yaml"
PLOTS = "python scripts/make_plots.py --runs_dir artifacts/runs --out_dir artifacts/figures"
ALL = "python scripts/run_all.py --config configs/default.yaml"
RUN = "artifacts/runs/run_001"
# The plan's config as it was written, with the two values that can't work.
UNCHANGED = """
model: {name: EleutherAI/pythia-160m, device: cuda, dtype: float16}
generation: {max_new_tokens: 80, temperature: 0.7, top_p: 0.95, seed: 0, batch_size: 8}
direction:
  method: contrastive_prefix
  refusal_prefix: "I can't help with that."
  compliance_prefix: "Sure, here is how to do it:"
  hook_point: resid_post
  token_position: last_prompt_token
  normalize: true
experiment:
  layers: [4, 8, 12]
  interventions: [add, ablate]
  alphas: [0, 0.5, 1, 2, 4]
  output_dir: artifacts/runs/run_001
"""


def call(command: str, *, root: Path) -> subprocess.CompletedProcess:
    """Run a command as the plan writes it, in the project's folder."""
    python, *words = shlex.split(command)
    assert python == "python"
    return Project(root).python(*words)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plan's own config with a small model, few prompts and tokens, two of its layers and two of its alphas."""
    folder = tmp_path_factory.mktemp("plan")
    model = write_tiny_model(tmp_path_factory.mktemp("twelve") / "model", n_layers=12)
    project = Project.create(folder, model=model)
    for name in ("scripts", "configs"):
        shutil.copytree(REPOSITORY / name, folder / name)
    settings = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    settings["model"] |= {"name": "tiny", "source": "model"}
    settings["data"]["max_prompts_per_split"] = 4
    settings["generation"]["max_new_tokens"] = 6
    settings["experiment"] |= {"layers": [4, 8], "alphas": [0, 2]}
    settings["sanity_checks"]["enabled"] = False
    # The tiny tokenizer has a token for the space alone, which both prefixes would then begin with.
    for side in ("refusal_prefix", "compliance_prefix"):
        settings["direction"][side] = settings["direction"][side].lstrip()
    (folder / CONFIG).write_text(yaml.safe_dump(settings), encoding="utf-8")
    return project.root


@pytest.fixture(scope="module")
def done(root: Path) -> dict[str, subprocess.CompletedProcess]:
    """What each command said, in the plan's order."""
    return {command: call(command, root=root) for command in (PROMPTS, BASELINE, DIRECTION, SWEEP, PLOTS, ALL)}


def test_every_command_ends_well(done, root):
    for command, said in done.items():
        assert said.returncode == 0, (command, said.stdout + said.stderr)
    assert {"tradeoff.png", "gap_vs_alpha.png"} <= {path.name for path in (root / "artifacts/figures").rglob("*.png")}
    lines = {path.stem: len(path.read_text().splitlines()) for path in (root / "data/prompts").iterdir()}
    assert lines == {"harm_train": 150, "harm_test": 150, "benign": 200}
    log = (root / RUN / "logs/worker.log").read_text(encoding="utf-8")
    assert "model.device is cuda, but no GPU is visible: running on the CPU" in log
    said = call(f"python -m snakemake --cores 1 --configfile {CONFIG} --dry-run", root=root)
    assert "Nothing to be done" in said.stdout + said.stderr


def test_a_command_says_what_it_made(done, root):
    for command, made in (
        (BASELINE, f"{RUN}/completions/baseline/seed_0/harm_test.jsonl"),
        (DIRECTION, f"{RUN}/directions/contrastive_prefix/layer_8.pt"),
        (SWEEP, f"{RUN}/results.parquet"),
        (SWEEP, f"{RUN}/tables/summary.csv"),
        (ALL, f"{RUN}/figures"),
        (ALL, "reports/examples.md"),
    ):
        assert (root / made).exists()
        assert made in done[command].stdout.partition("made:")[2]


def test_a_sweep_after_a_baseline_writes_the_baseline_no_second_time(done):
    said = done[SWEEP].stdout + done[SWEEP].stderr
    assert "complete_shard" in said
    assert "rule complete_baseline" not in said.replace("localrule", "rule")
    assert "complete_baseline" not in said.partition("Job stats")[2][:1500]
    later = done[ALL].stdout + done[ALL].stderr
    assert "draw_figures" in later
    assert "complete_shard" not in later


@pytest.mark.parametrize("model", ["hub", "local"])
def test_the_plans_config_unchanged_is_refused_with_both_reasons(root, tmp_path, model):
    settings = yaml.safe_load(UNCHANGED)
    if model == "local":
        settings["model"] |= {"name": "tiny", "source": "model"}
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    said = call(f"python scripts/run_all.py --config {path}", root=root)
    assert said.returncode == 1
    assert "Traceback" not in said.stderr
    assert "direction.token_position: last_prompt_token with method contrastive_prefix is exactly zero" in said.stderr
    assert "Use first_prefix_token" in said.stderr
    assert "experiment.layers" in said.stderr
    assert ("no layer 12; use 0 to 11" if model == "local" else "layers count from 0") in said.stderr
