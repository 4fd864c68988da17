import pytest
from steering_reliability.commands.probe import Measurement
from steering_reliability.commands.study_table import limits_sentence, study_facts, table_lines
from steering_reliability.config.files import WORKFLOW, merge_over, read_config
from steering_reliability.run.plan import plan_run


@pytest.fixture
def facts(config, monkeypatch):
    """Facts of the tiny run, and of one that leaves layers to a scan and has prompts enough."""
    monkeypatch.chdir(WORKFLOW)
    raw = read_config(config)
    larger = merge_over(raw, {"data": {"max_prompts_per_split": None}})
    probe = Measurement(1000.0, 8.0)
    return {name: study_facts(plan_run(one), probe=probe) for name, one in (("this study", raw), ("larger", larger))}


def test_a_study_is_a_row_of_the_table(facts):
    head, first, second, time, seen = table_lines(facts)
    assert head.split() == ["plan", "rows", "to", "do", "minutes", "memory", "smallest", "effect", "gap", "cost"]
    assert len({len(line) for line in (head, first, second)}) == 1
    # Five prompts of three splits, unsteered and at two points: too few to show anything.
    assert first.split()[:3] == ["this", "study", "45"]
    assert first.split()[-3:] == ["none", "none", "none"]
    # 150, 150 and 200 prompts.
    assert second.split()[1] == "1,500"
    power = facts["larger"]["power"]
    assert f"{power['effect']:.0f} points" in second
    assert time == "time at 1,000 tokens/s (measured for 8 s)"
    assert "80% power" in seen and "(assumed)" in seen


def test_the_limits_of_a_quick_study_are_those_of_its_plan(facts):
    power = facts["larger"]["power"]
    said = limits_sentence(power)
    assert f"with 80% power it shows {power['shown']} or more" in said
    assert "no random direction" in said
