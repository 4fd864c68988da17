"""How much a run has to write, before and after the points of its claims are known."""

import pandas as pd
import pytest
from steering_reliability.config.files import WORKFLOW, read_config
from steering_reliability.evidence.claim_points import CLAIM_POINT_COLUMNS
from steering_reliability.results.tables import write_table
from steering_reliability.run.plan import plan_run
from steering_reliability.run.workload import expected_conditions, expected_shards, stage_files


@pytest.fixture
def plan_of(config, monkeypatch):
    """Return a function that plans the run with other sanity checks."""
    monkeypatch.chdir(WORKFLOW)

    def plan(**checks):
        raw = read_config(config) | {"sanity_checks": {"random_seeds": [0, 1], "rerun_subset_n": 3} | checks}
        return plan_run(raw)

    return plan


def choose(plan, *points):
    """Leave the table of claim points that the run itself would write."""
    rows = [{"purpose": purpose, "intervention": "add", "layer": layer, "alpha": 0.5} for purpose, layer in points]
    write_table(pd.DataFrame(rows, columns=CLAIM_POINT_COLUMNS), WORKFLOW / plan.claim_points_file)


def test_before_the_claims_two_points_of_the_grid_stand_for_them(plan_of):
    found = expected_conditions(plan_of())
    assert [(c.role, c.direction, c.layer) for c in found] == [
        ("main", "contrastive_prefix", "0"),
        ("main", "contrastive_prefix", "2"),
        ("alt_seed", "contrastive_prefix", "0"),
        *(("random", f"random_{seed}", layer) for seed in (0, 1) for layer in ("0", "2")),
    ]


def test_shards_and_completions_by_hand(plan_of):
    plan = plan_of()
    shards = expected_shards(plan)
    # Unsteered 3 splits and the other seed's one; 2 conditions of 3; the other seed once; 2 directions at 2 points.
    assert len(shards) == 3 + 1 + 2 * 3 + 1 + 2 * 2
    # The study writes 5 prompts of a split, the checks 3.
    assert sum(shard.rows for shard in shards) == 3 * 5 + 3 + 2 * 3 * 5 + 3 + 2 * 2 * 3
    assert not any(shard.is_done for shard in shards)
    files = stage_files(plan, expected_conditions(plan))
    assert {str(shard.path) for shard in shards} == set(files["completions"])
    assert len(files["directions"]) == 2 + 2 * 2
    assert f"{plan.folder}/tables/claims.csv" in files["tables"]
    for shard in shards[:2]:
        shard.path.parent.mkdir(parents=True, exist_ok=True)
        shard.path.write_text("")
    assert [shard.rows for shard in expected_shards(plan) if shard.is_done] == [5, 5]


@pytest.mark.parametrize(
    ("points", "controls", "is_varied"),
    [
        ([("recommended", 2), ("most significant", 2)], 2, True),
        ([("recommended", 2), ("most significant", 0)], 4, True),
        ([("most significant", 0)], 2, False),
    ],
)
def test_once_they_are_chosen_the_points_themselves_count(plan_of, points, controls, is_varied):
    plan = plan_of()
    choose(plan, *points)
    roles = [c.role for c in expected_conditions(plan)]
    assert (roles.count("random"), "alt_seed" in roles) == (controls, is_varied)


def test_a_run_whose_checks_have_a_place_looks_at_no_table(plan_of):
    plan = plan_of(controls_at="point", layer=2, alpha=0.5)
    assert expected_conditions(plan) == plan.conditions
    # Here every condition runs on all prompts, but for the other seed.
    assert sum(shard.rows for shard in expected_shards(plan)) == 3 * 5 + 3 * 3 + 2 * 3 * 5 + 3 * 3 + 2 * 3 * 5
