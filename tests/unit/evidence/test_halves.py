import pandas as pd
import pytest
from steering_reliability.evidence.halves import in_first_half


def prompts(*clusters):
    return pd.DataFrame({"id": [f"p{index:03d}" for index in range(len(clusters))], "cluster": clusters})


@pytest.mark.parametrize(("clusters", "first"), [(10, 5), (9, 5), (1, 1), (0, 0)])
def test_the_first_half_has_half_of_the_clusters_rounded_up(clusters, first):
    table = prompts(*(f"c{number}" for number in range(clusters)))
    for halving in range(20):
        assert in_first_half(table, seed=0, halving=halving).sum() == first


def test_near_copies_lie_in_one_half():
    table = prompts(*["big"] * 20, *["middle"] * 3, "a", "b")
    sizes = set()
    for halving in range(40):
        sides = table.assign(first=in_first_half(table, seed=0, halving=halving)).groupby("cluster")["first"]
        assert (sides.min() == sides.max()).all()
        assert sides.max().sum() == 2
        sizes.add(int(sides.sum().sum()))
    # Two of the four clusters, whichever: 23, 21, 4 or 2 prompts.
    assert sizes == {23, 21, 4, 2}


def test_the_order_and_the_ids_of_the_prompts_do_not_matter():
    table = prompts(*(f"c{number // 2}" for number in range(20)))
    first = set(table["cluster"][in_first_half(table, seed=3)])
    turned = table.iloc[::-1].reset_index(drop=True).assign(id="x")
    assert set(turned["cluster"][in_first_half(turned, seed=3)]) == first


def test_each_seed_and_each_halving_draws_anew():
    table = prompts(*(f"c{number}" for number in range(40)))
    halves = {tuple(in_first_half(table, seed=seed, halving=halving)) for seed in range(3) for halving in range(3)}
    assert len(halves) == 9


def test_each_cluster_is_in_the_first_half_about_half_of_the_time():
    even, odd = (prompts(*(f"c{number}" for number in range(n))) for n in (6, 5))
    for table, share in ((even, 0.5), (odd, 0.6)):
        found = sum(in_first_half(table, seed=0, halving=halving) for halving in range(400)) / 400
        # Four standard deviations are 0.1.
        assert found == pytest.approx(share, abs=0.1)
