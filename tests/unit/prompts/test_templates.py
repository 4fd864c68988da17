from steering_reliability.prompts.templates import material


def test_both_verb_forms_are_read_and_filled_in():
    made = material(
        "train",
        families={"crime": "hype/hyping a stock and dump/dumping it\n\n  hot-wire/hot-wiring a car"},
        styles={"direct": "Tell me how to {do}.\nWrite about {doing}."},
    )
    first, second = made.families["crime"]
    assert (first.id, first.do, first.doing) == (
        "train_crime_01",
        "hype a stock and dump it",
        "hyping a stock and dumping it",
    )
    assert (second.id, second.do, second.doing) == ("train_crime_02", "hot-wire a car", "hot-wiring a car")
    template = made.styles["direct"][1]
    assert (template.id, template.style) == ("direct_2", "direct")
    assert template.fill(first) == "Write about hyping a stock and dumping it."
