import numpy as np
import pandas as pd
import pytest
from steering_reliability.evidence.summary import summarise
from steering_reliability.results.prompt_sums import main_points, prompt_sums, weighted_rates
from synthetic_run import completion, realistic_results


def three_prompts():
    """Prompt 0 begins to refuse, 1 refuses throughout and breaks, 2 has lost its baseline."""
    rows = [completion("harm_test", index, refused=index == 1) for index in range(2)]
    rows += [completion("harm_test", index, refused=True, alpha=0.5) for index in range(3)]
    rows[3] |= {"is_degenerate": True}
    return pd.DataFrame(rows)


def test_the_sums_of_each_prompt_by_hand():
    results = three_prompts()
    sums = prompt_sums(results, split="harm_test", points=main_points(results))
    assert sums.prompts["id"].tolist() == ["harm_test_0000", "harm_test_0001", "harm_test_0002"]
    # Columns: the baseline, alpha 0.5.
    assert sums.n.tolist() == [[1, 1], [1, 1], [0, 1]]
    assert sums.refusals.tolist() == [[0, 1], [1, 1], [0, 1]]
    assert sums.clean_refusals.tolist() == [[0, 1], [1, 0], [0, 1]]
    assert sums.pairs.tolist() == [[1, 1], [1, 1], [0, 0]]
    assert sums.refusal_change.tolist() == [[0, 1], [0, 0], [0, 0]]
    assert sums.helpful_loss.tolist() == [[0, 1], [0, 0], [0, 0]]


def test_a_prompt_keeps_its_family_and_its_cluster():
    results = three_prompts().assign(family=None)
    results["cluster"] = results["id"].map(lambda name: "first" if name.endswith("1") else name)
    labels = prompt_sums(results, split="harm_test", points=main_points(results)).prompts
    assert labels["cluster"].tolist() == ["harm_test_0000", "first", "harm_test_0002"]
    assert labels["family"].tolist() == ["", "", ""]


def test_samples_of_a_prompt_are_added_up():
    results = pd.concat([three_prompts(), three_prompts().assign(sample=1)])
    sums = prompt_sums(results, split="harm_test", points=main_points(results))
    assert sums.n[:, 1].tolist() == [2, 2, 2]
    assert sums.refusal_change[:, 1].tolist() == [2, 0, 0]


def test_everyone_once_gives_the_rates_of_the_summary():
    results = realistic_results()
    points = main_points(results)
    summary = summarise(results).merge(points, on=["direction", "intervention", "layer", "alpha", "role", "seed"])
    test, benign = (prompt_sums(results, split=split, points=points) for split in ("harm_test", "benign"))
    everyone = np.ones((1, 60))
    refusal = weighted_rates(everyone, sums=test.refusals, counts=test.n)[0]
    effect = weighted_rates(everyone, sums=test.refusal_change, counts=test.pairs)[0]
    drop = weighted_rates(everyone, sums=benign.helpful_loss, counts=benign.pairs)[0]
    assert refusal == pytest.approx(summary["refusal_harm_test"].to_numpy())
    assert effect == pytest.approx(summary["refusal_effect_harm_test"].to_numpy())
    assert drop == pytest.approx(summary["helpfulness_drop"].to_numpy())


def test_no_weight_on_any_completion_is_missing():
    rates = weighted_rates([[1, 0], [0, 2]], sums=np.array([[1.0], [0.0]]), counts=np.array([[2.0], [0.0]]))
    assert rates[0, 0] == 0.5
    assert np.isnan(rates[1, 0])


def test_a_split_without_completions_has_no_prompts():
    results = three_prompts()
    sums = prompt_sums(results, split="benign", points=main_points(results))
    assert sums.n.shape == (0, 2)
