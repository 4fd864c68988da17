from steering_reliability.prompts.overlaps import Overlap, find_overlaps, overlap_notes, without
from steering_reliability.prompts.schema import Prompt

MILL = "Where is the old mill by the river?"


def prompts(**texts):
    return [Prompt(id, text, "unknown", "unknown") for id, text in texts.items()]


NEW = prompts(a=f"{MILL} Tell me.", b="Bake bread!", c=MILL.upper(), d="bake BREAD")
OLD = {"train": prompts(t1=MILL, t2="Draw a cat"), "test": prompts(e1="bake bread", e2=f"{MILL} Please.")}


def test_the_same_prompts_and_near_copies_are_found_in_each_other_set_and_the_same_come_first():
    assert find_overlaps(NEW, others=OLD) == [
        Overlap("a", "train", "t1", is_same=False),
        Overlap("c", "train", "t1", is_same=True),
        Overlap("a", "test", "e2", is_same=False),
        Overlap("b", "test", "e1", is_same=True),
        Overlap("c", "test", "e2", is_same=False),
        Overlap("d", "test", "e1", is_same=True),
    ]
    assert find_overlaps(NEW, others={}) == find_overlaps([], others=OLD) == []


def test_prompts_without_an_overlap_stay_in_their_order():
    new = [*prompts(z="Draw a dog"), *NEW]
    assert [one.id for one in without(new, overlaps=find_overlaps(new, others={"train": OLD["train"]}))] == [
        "z",
        "b",
        "d",
    ]


def test_the_first_overlaps_are_named_and_the_others_counted():
    found = find_overlaps(NEW, others=OLD)
    assert overlap_notes(found, name="benign")[:2] == [
        "1 prompt of benign is the same as one of train (c and t1)",
        "1 prompt of benign is a near copy of one of train (a and t1)",
    ]
    many = [Overlap(f"p{n}", "train", f"t{n}", is_same=True) for n in range(5)]
    (note,) = overlap_notes(many, name="benign")
    assert note == ("5 prompts of benign are the same as some of train (p0 and t0, p1 and t1, p2 and t2 and 2 more)")
