from copy import deepcopy

from snakemake.common.configfile import load_configfile
from snakemake.io import sourcecache_entry

from steering_reliability.prompts.schema import SPLITS
from steering_reliability.config.files import (
    default_file,
    is_complete,
    merge_configs,
    read_yaml,
)
from steering_reliability.config.places import ConfigPlaces
from steering_reliability.errors import InputError

# config/files.py has the rule by which configs are merged. A module's config is its importer's, of which a copy is
# changed.
GIVEN = (
    [deepcopy(config)]
    if AS_MODULE
    else [
        *map(load_configfile, workflow.config_settings.configfiles),
        dict(workflow.config_settings.config),
    ]
)
DEFAULT_CONFIG = own_file("config.yaml") if AS_MODULE else str(default_file())
LIES_OVER_DEFAULT = not any(map(is_complete, GIVEN))
if LIES_OVER_DEFAULT and not AS_MODULE:
    # Snakemake would say neither the line nor what is wrong there.
    try:
        read_yaml(Path(DEFAULT_CONFIG))
    except InputError as error:
        sys.exit(f"error: {error}")

    # Named to Snakemake too, which sends it along where nodes share no disk.
    configfile: DEFAULT_CONFIG


config = merge_configs(GIVEN, default=lambda: load_configfile(DEFAULT_CONFIG))
# What is wrong with a value is said with the file and line that set it; of a module's config its importer knows that.
PLACES = ConfigPlaces(
    (
        []
        if AS_MODULE
        else [DEFAULT_CONFIG] * LIES_OVER_DEFAULT + workflow.config_settings.configfiles
    ),
    overrides={} if AS_MODULE else workflow.config_settings.config,
)
# Prompt files that an importer's config does not give are those of this workflow; a given path starts, as always, at the
# folder that Snakemake runs in.
OWN_PROMPTS = (
    {
        split: own_file(f"prompts/{split}.jsonl")
        for split in SPLITS
        if f"{split}_path" not in (GIVEN[0].get("data") or {})
    }
    if AS_MODULE
    else {}
)


def prompt_file(split):
    """A prompt file as an input, on this machine whatever storage the results go to; the workflow's own has one name."""
    if split in OWN_PROMPTS:
        return sourcecache_entry(OWN_PROMPTS[split], f"prompts/{split}.jsonl")
    return local(RUN.config.data.path(split))
