"""Every profile is understood by Snakemake, and plans the jobs of a plain run."""

from pathlib import Path

import pytest
import yaml
from project import CLUSTER_PLUGINS, REPOSITORY, Project

PROFILES = sorted(path.parent for path in (REPOSITORY / "workflow" / "profiles").glob("*/config.yaml"))
CLUSTERS = [path for path in PROFILES if path.name != "default"]


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


@pytest.mark.skipif(not CLUSTER_PLUGINS.is_dir(), reason="Snakemake's cluster plugins: make .plugins/ready")
def test_cluster_profiles_plan_the_jobs_of_a_plain_run(fresh: Project) -> None:
    plain = fresh.plan().jobs
    # snakemake-executor-plugin-kubernetes is not in the lock.
    for name in {path.name for path in CLUSTERS} - {"kubernetes"}:
        arguments = ("--workflow-profile", f"workflow/profiles/{name}")
        assert fresh.plan(*arguments, extra_path=(str(CLUSTER_PLUGINS),)).jobs == plain, name
