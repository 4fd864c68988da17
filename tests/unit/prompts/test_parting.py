"""Which prompts the scan reads, and which are left to the study."""

from steering_reliability.prompts.parting import part_prompts
from steering_reliability.prompts.schema import Prompt

PROMPTS = [
    Prompt(
        id=f"p{n:03}",
        prompt=f"Question {n} about {n * n}",
        family="f",
        style=f"s{n % 4}",
        extra={"template": f"t{n // 2}"},
    )
    for n in range(60)
]


def test_by_default_nothing_is_reserved():
    parted = part_prompts(PROMPTS)
    assert (parted.scan, parted.study) == ([], PROMPTS)


def test_a_fifth_is_reserved_and_no_template_of_it_is_left_to_the_study():
    parted = part_prompts(PROMPTS, share=0.2, limit=100, seed=0, cluster_field="template")
    assert (len(parted.scan), len(parted.study)) == (12, 48)
    read, left = ({prompt.extra["template"] for prompt in part} for part in (parted.scan, parted.study))
    assert not read & left
    # Both keep the order of the file.
    for part in (parted.scan, parted.study):
        assert [prompt.id for prompt in part] == sorted(prompt.id for prompt in part)


def test_what_the_scan_has_no_room_for_stays_reserved():
    few = part_prompts(PROMPTS, share=0.2, limit=5, seed=0, cluster_field="template")
    many = part_prompts(PROMPTS, share=0.2, limit=100, seed=0, cluster_field="template")
    assert len(few.scan) == 5
    assert {prompt.id for prompt in few.scan} < {prompt.id for prompt in many.scan}
    assert few.study == many.study


def test_another_seed_reserves_others():
    first, second = (
        part_prompts(PROMPTS, share=0.2, limit=100, seed=seed, cluster_field="template") for seed in (0, 1)
    )
    assert first.scan != second.scan
