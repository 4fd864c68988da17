from steering_reliability.evidence.cheapest_design import Candidate, Space, cheapest_designs, dealt, fraction_of
from steering_reliability.prompts.check import used_prompts
from steering_reliability.prompts.schema import SPLITS
from steering_reliability.prompts.subset import choose_direction_set
from steering_reliability.statistics.power import Design, Rates, Simulation


def space(**changes):
    prompts = used_prompts({split: f"prompts/{split}.jsonl" for split in SPLITS}, limit=None)

    def completions(sizes, samples):
        return 4 * samples * sum(sizes.values())

    return Space(prompts, 10, Rates(), completions, **changes)


def test_the_cheapest_shows_the_wish_and_the_next_smaller_does_not():
    found = cheapest_designs(space(), wishes={"effect": 0.25})
    best = found[0]
    assert [one.completions for one in found] == sorted(one.completions for one in found)
    assert Simulation(best.design, rates=Rates()).power("effect", size=0.25) >= 0.8
    smaller = [make() for make in space().in_files(best.samples)]
    smaller = [one for one in smaller if one.completions < best.completions]
    assert smaller
    assert Simulation(smaller[-1].design, rates=Rates()).power("effect", size=0.25) < 0.8


def test_where_the_files_have_too_few_prompts_it_says_how_many_templates_to_write():
    best = cheapest_designs(space(), wishes={"gap": 0.07})[0]
    assert isinstance(best, Candidate)
    assert not best.in_files
    assert sum(best.design.test) == best.prompts["harm_test"] > 150
    assert len(best.design.test) >= 30
    # Benign prompts are each like no other, and stay so.
    assert len(best.design.benign) == best.prompts["benign"]


def test_the_fraction_makes_just_so_many_prompts_build_the_direction():
    prompts = used_prompts({"harm_train": "prompts/harm_train.jsonl"}, limit=None)["harm_train"]
    for n in (20, 21, 37, 60, 110, 150):
        for builders in (1, 7, 10):
            fraction = fraction_of(builders, n=n)
            assert len(choose_direction_set(prompts[:n], fraction=fraction)) == builders
            assert fraction == round(fraction, 4)
    assert dealt(7, clusters=3) == (3, 2, 2)
    assert dealt(2, clusters=5) == (1, 1)
    assert isinstance(Design(dealt(2, clusters=5), (), ()).train, tuple)
