from copy import deepcopy
from hashlib import sha256

from snakemake.common.configfile import load_configfile
from snakemake.io import sourcecache_entry
from snakemake.utils import update_config

from steering_reliability.conditions import SPLITS

# Prompt files that an importer's config does not give are those of this workflow; a given path starts, as always, at the
# folder that Snakemake runs in.
GIVEN = config
OWN_PROMPTS = {}
if AS_MODULE:
    # Not `configfile:`, which would read the importer's; and a copy, since `config` is a part of the importer's own.
    config = {} if "model" in GIVEN else load_configfile(own_file("config.yaml"))
    update_config(config, deepcopy(GIVEN))
    OWN_PROMPTS = {
        split: own_file(f"prompts/{split}.jsonl")
        for split in SPLITS
        if f"{split}_path" not in (GIVEN.get("data") or {})
    }


def own_prompt_file(split):
    """The workflow's own prompts as an input: under one name, wherever they lie and however new the files are."""
    return ancient(sourcecache_entry(OWN_PROMPTS[split], f"prompts/{split}.jsonl"))


def own_content(wildcards):
    """Digest of the workflow's own prompts; what Snakemake fetches has lost the newline at its end."""
    if wildcards.split not in OWN_PROMPTS:
        return None
    return sha256(Path(OWN_PROMPTS[wildcards.split]).read_bytes().rstrip()).hexdigest()


# Instead of their place and time their content counts, so that another clone or tag with the same prompts runs nothing.
OWN_CONTENT = {"own": own_content} if OWN_PROMPTS else {}
