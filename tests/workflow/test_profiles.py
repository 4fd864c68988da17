"""Every profile is understood by Snakemake, and plans the jobs of a plain run."""

from pathlib import Path

import pytest
import yaml
from project import CLUSTER_PLUGINS, REPOSITORY, Project

PROFILES = sorted(path.parent for path in (REPOSITORY / "workflow" / "profiles").glob("*/config.yaml"))
CLUSTERS = [path for path in PROFILES if path.name != "default"]
NOT_HERE = {"kubernetes": "snakemake-executor-plugin-kubernetes is not in the lock: it was never tried"}


def settings(profile: Path) -> dict:
    return yaml.safe_load((profile / "config.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("profile", CLUSTERS, ids=lambda path: path.name)
def test_a_cluster_profile_keeps_what_the_default_one_promises(profile: Path) -> None:
    ours, default = settings(profile), settings(REPOSITORY / "workflow/profiles/default")
    for key in ("rerun-incomplete", "keep-going", "rerun-triggers", "max-checksum-file-size", "scheduler"):
        assert ours[key] == default[key], key
    # Without this, a shard would ask for a whole worker and get a job to itself.
    assert {"complete_shard=shards", "complete_baseline=shards"} <= set(ours["groups"])
    assert any(one.startswith("clients=") for one in ours["resources"])
    assert ours["retries"] >= 1


@pytest.mark.parametrize("profile", CLUSTERS, ids=lambda path: path.name)
def test_a_cluster_profile_plans_the_jobs_of_a_plain_run(profile: Path, fresh: Project) -> None:
    if profile.name in NOT_HERE:
        pytest.skip(NOT_HERE[profile.name])
    if not CLUSTER_PLUGINS.is_dir():
        pytest.skip("Snakemake's plugins for clusters are not here: make .plugins/ready")
    arguments = ("--workflow-profile", f"workflow/profiles/{profile.name}")
    planned = fresh.plan(*arguments, extra_path=(str(CLUSTER_PLUGINS),))
    assert planned.jobs == fresh.plan().jobs
