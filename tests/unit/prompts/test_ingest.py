import json

import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.ingest import FieldNames, ingest_prompts
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import Prompt, write_prompts


def write(tmp_path, content, name="p.csv"):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    return path


def test_a_csv_with_other_field_names(tmp_path):
    path = write(tmp_path, "Index,Goal,Category\n0, Do a thing ,Privacy\n1,Do another,\n")
    fields = FieldNames(prompt="Goal", id="Index", family="Category")
    assert ingest_prompts(path, split="harm_test", fields=fields).prompts == [
        Prompt("0", "Do a thing", "Privacy", "unknown"),
        Prompt("1", "Do another", "unknown", "unknown"),
    ]


def test_nested_fields_lists_and_numbers(tmp_path):
    rows = [
        {"question_id": 7, "turns": ["first", "second"], "meta": {"family": "f", "style": "s"}},
        {"question_id": 8, "turns": ["other"], "meta": {"family": "g"}},
    ]
    path = write(tmp_path, "\n".join(map(json.dumps, rows)), "p.jsonl")
    fields = FieldNames(prompt="turns", id="question_id", family="meta.family", style="meta.style")
    assert ingest_prompts(path, split="benign", fields=fields).prompts == [
        Prompt("7", "first", "f", "s"),
        Prompt("8", "other", "g", "unknown"),
    ]


def test_missing_ids_are_made_and_do_not_meet_given_ones(tmp_path):
    path = write(tmp_path, "id,prompt\nbenign_0002,a\n,b\n,c\n")
    result = ingest_prompts(path, split="benign", fields=FieldNames(id="id"))
    assert [prompt.id for prompt in result.prompts] == ["benign_0002", "benign_0002b", "benign_0003"]
    assert result.notes == ["made 2 ids of the form benign_0001"]


def test_duplicates_are_dropped_and_reported_with_both_rows(tmp_path):
    path = write(tmp_path, 'prompt\na b\nc\n"a\r\n b"\n')
    result = ingest_prompts(path, split="benign", fields=FieldNames())
    assert [(prompt.id, prompt.prompt) for prompt in result.prompts] == [("benign_0001", "a b"), ("benign_0002", "c")]
    assert result.notes[1:] == ["dropped row 3 (line 4): the same prompt as row 1 (line 2)"]


def test_line_ends_inside_a_prompt_become_lf(tmp_path):
    path = write(tmp_path, 'prompt\r\n"one\r\ntwo"\r\n')
    assert ingest_prompts(path, split="benign", fields=FieldNames()).prompts[0].prompt == "one\ntwo"


def test_all_unusable_rows_are_named_at_once(tmp_path):
    rows = [
        {"prompt": "fine"},
        {"family": "b"},
        {"prompt": {"text": "y"}},
        {"prompt": "x\0y"},
        {"prompt": "z", "family": ["\ud800"]},
    ]
    path = write(tmp_path, "\n".join(map(json.dumps, rows)), "p.jsonl")
    with pytest.raises(InputError) as caught:
        ingest_prompts(path, split="benign", fields=FieldNames(family="family"))
    assert [line.strip() for line in caught.value.what.splitlines()[1:]] == [
        "line 2, prompt: is empty",
        "line 3, prompt: is neither text nor a number",
        "line 4, prompt: contains control characters",
        "line 5, family: contains half of a surrogate pair, which is not a character",
    ]


def test_an_id_that_can_not_be_used_is_replaced_with_a_note(tmp_path):
    ids = ["a", "  ", "c/d", "a", {"n": 1}, " e 5 ", "benign_0003"]
    rows = [{"id": name, "prompt": f"p{number}"} for number, name in enumerate(ids)]
    path = write(tmp_path, "\n".join(map(json.dumps, rows)), "p.jsonl")
    result = ingest_prompts(path, split="benign", fields=FieldNames(id="id"))
    made = ["benign_0002", "benign_0003b", "benign_0004", "benign_0005"]
    assert [prompt.id for prompt in result.prompts] == ["a", *made, "e 5", "benign_0003"]
    assert result.notes == [
        "made 1 ids of the form benign_0001",
        "line 3: the id 'c/d' looks like a path, so it became benign_0003b",
        "line 4: the id 'a' is that of line 1 too, so it became benign_0004",
        "line 5: the id is neither text nor a number, so it became benign_0005",
    ]


def test_of_many_replaced_ids_twenty_are_named(tmp_path):
    path = write(tmp_path, "id,prompt\n" + "".join(f"a/{n},p{n}\n" for n in range(23)))
    notes = ingest_prompts(path, split="benign", fields=FieldNames(id="id")).notes
    assert len(notes) == 21
    assert notes[-1] == "and 3 more ids were replaced"


def test_the_id_of_a_dropped_duplicate_is_free(tmp_path):
    path = write(tmp_path, "id,prompt\na,x\nb,x\nb,y\n")
    prompts = ingest_prompts(path, split="benign", fields=FieldNames(id="id")).prompts
    assert [(prompt.id, prompt.prompt) for prompt in prompts] == [("a", "x"), ("b", "y")]


LABELLED = "prompt,label,kind\na,safe,x\n,unsafe,x\nc,safe,y\nd,odd,y\n"


@pytest.mark.parametrize(
    ("where", "kept", "note"),
    [
        ({"label": ["safe"]}, "ac", "kept 2 of 4 rows, those with label=safe"),
        ({"LABEL": ["safe"]}, "ac", "kept 2 of 4 rows, those with LABEL=safe"),
        ({"label": ["odd", "safe"]}, "acd", "kept 3 of 4 rows, those with label=odd or safe"),
        ({"label": ["safe"], "kind": ["y"]}, "c", "kept 1 of 4 rows, those with label=safe and kind=y"),
    ],
)
def test_only_rows_with_the_values_asked_for_are_kept(tmp_path, where, kept, note):
    result = ingest_prompts(write(tmp_path, LABELLED), split="benign", fields=FieldNames(), where=where)
    assert [prompt.prompt for prompt in result.prompts] == list(kept)
    assert result.notes[0] == note


def test_true_and_numbers_are_compared_as_json_writes_them(tmp_path):
    rows = [{"prompt": "a", "ok": True, "n": 1}, {"prompt": "b", "ok": True, "n": 2}, {"prompt": "c", "ok": False}]
    path = write(tmp_path, json.dumps(rows), "p.json")
    where = {"ok": ["true"], "n": ["2"]}
    result = ingest_prompts(path, split="benign", fields=FieldNames(), where=where)
    assert [prompt.prompt for prompt in result.prompts] == ["b"]


@pytest.mark.parametrize(
    ("where", "what", "fix"),
    [
        ({"lable": ["safe"]}, "no row has a field 'lable'", "name one of its fields: 'prompt', 'label', 'kind'"),
        ({"label": ["Safe"]}, "no row has label=Safe", "use one of its values: 'safe', 'unsafe', 'odd'"),
        ({"label": ["odd"], "kind": ["x"]}, "no row has label=odd and kind=x at once", "ask for less"),
    ],
)
def test_a_condition_that_matches_no_row_is_told_with_those_that_would(tmp_path, where, what, fix):
    with pytest.raises(InputError) as caught:
        ingest_prompts(write(tmp_path, LABELLED), split="benign", fields=FieldNames(), where=where)
    assert (caught.value.what, caught.value.fix) == (what, fix)


def test_the_context_comes_first_then_a_blank_line_then_the_request(tmp_path):
    path = write(tmp_path, "Behavior,ContextString\nSum it up,A tale.\nSum it up,\nSum it up,A song.\n")
    fields = FieldNames(prompt="Behavior", context="ContextString")
    prompts = ingest_prompts(path, split="benign", fields=fields).prompts
    assert [prompt.prompt for prompt in prompts] == ["A tale.\n\nSum it up", "Sum it up", "A song.\n\nSum it up"]


def test_a_context_without_a_request_is_no_prompt(tmp_path):
    path = write(tmp_path, "Behavior,ContextString\n,A tale.\nSum it up,\n")
    with pytest.raises(InputError, match=r"row 1 \(line 2\), Behavior: is empty"):
        ingest_prompts(path, split="benign", fields=FieldNames(prompt="Behavior", context="ContextString"))


def test_a_text_file_has_a_prompt_on_each_line(tmp_path):
    path = write(tmp_path, "one\r\n\n  two, too  \n\n\none\n", "p.TXT")
    result = ingest_prompts(path, split="benign", fields=FieldNames(prompt="Goal"))
    assert [(prompt.id, prompt.prompt) for prompt in result.prompts] == [
        ("benign_0001", "one"),
        ("benign_0002", "two, too"),
    ]
    assert result.notes[1:] == ["dropped line 6: the same prompt as line 1"]


def test_a_field_is_found_in_another_case_and_that_is_noted(tmp_path):
    path = write(tmp_path, "INDEX;Goal\n7;a, b\n")
    result = ingest_prompts(path, split="benign", fields=FieldNames(prompt="goal", id="index"))
    assert result.prompts == [Prompt("7", "a, b", "unknown", "unknown")]
    assert result.notes == ["the field 'goal' is 'Goal' here", "the field 'index' is 'INDEX' here"]


def test_a_nested_field_is_found_in_another_case(tmp_path):
    path = write(tmp_path, json.dumps([{"prompt": "a", "Meta": {"Family": "f"}}]), "p.json")
    assert ingest_prompts(path, split="benign", fields=FieldNames(family="meta.family")).prompts[0].family == "f"


def test_a_name_that_differs_from_two_fields_in_case_alone_is_an_error_and_an_exact_one_is_not(tmp_path):
    path = write(tmp_path, "Goal,GOAL\na,b\n")
    with pytest.raises(InputError, match="'goal' could be any of 'Goal', 'GOAL'"):
        ingest_prompts(path, split="benign", fields=FieldNames(prompt="goal"))
    assert ingest_prompts(path, split="benign", fields=FieldNames(prompt="GOAL")).prompts[0].prompt == "b"


@pytest.mark.parametrize("empty", ["", None, [], " "])
def test_a_field_that_is_empty_in_every_row_is_there(tmp_path, empty):
    path = write(
        tmp_path, json.dumps([{"prompt": "a", "category": empty}, {"prompt": "b", "category": empty}]), "p.json"
    )
    result = ingest_prompts(path, split="benign", fields=FieldNames(family="category"))
    assert result.notes == [
        "the field 'category' is there, but empty in every row",
        "made 2 ids of the form benign_0001",
    ]
    with pytest.raises(InputError, match="the field 'category' is there, but empty in every row"):
        ingest_prompts(path, split="benign", fields=FieldNames(prompt="category"))


def test_near_copies_are_named(tmp_path):
    path = write(
        tmp_path, "Where is the old mill by the river?\nSay more\nwhere is the old mill by the river\n", "p.txt"
    )
    result = ingest_prompts(path, split="benign", fields=FieldNames())
    assert result.notes[-1] == (
        "benign has prompts that are nearly the same text (benign_0001 and benign_0003): each such group counts as one "
        "prompt"
    )


def test_what_is_ingested_is_what_the_workflow_accepts(tmp_path):
    # Past the first forty, which a capped run would look at.
    rows = [{"id": f"n{number}", "prompt": f"p {number}\u2028", "how": "s"} for number in range(60)]
    rows += [{"id": "x" * 300, "prompt": 7, "how": 3.5}, {"id": "..", "prompt": "\t q\r\nr\x0b s", "how": None}]
    path = write(tmp_path, "\n".join(map(json.dumps, rows)), "p.jsonl")
    with pytest.raises(InputError, match="line 62, prompt: contains control characters") as caught:
        ingest_prompts(path, split="benign", fields=FieldNames(id="id", style="how"))
    assert "1 problem in" in caught.value.what
    rows[-1]["prompt"] = "\t q\r\nr "
    path = write(tmp_path, "\n".join(map(json.dumps, rows)), "p.jsonl")
    prompts = ingest_prompts(path, split="benign", fields=FieldNames(id="id", style="how")).prompts
    write_prompts(prompts, path=tmp_path / "benign.jsonl")
    assert read_prompts(tmp_path / "benign.jsonl", split="benign") == prompts
    assert [(prompt.id, prompt.prompt) for prompt in prompts[60:]] == [("benign_0061", "7"), ("benign_0062", "q\nr")]


def test_a_field_that_no_row_has_is_told_with_the_ones_there_are(tmp_path):
    path = write(tmp_path, "Index,Goal\n0,x\n")
    with pytest.raises(InputError, match="no row has a field 'prompt'") as caught:
        ingest_prompts(path, split="benign", fields=FieldNames())
    assert "'Index', 'Goal'" in caught.value.fix


def test_a_header_without_rows_and_an_unknown_split_are_errors(tmp_path):
    path = write(tmp_path, "prompt\n")
    with pytest.raises(InputError, match="no prompt in it"):
        ingest_prompts(path, split="benign", fields=FieldNames())
    with pytest.raises(InputError, match="no split 'dev'"):
        ingest_prompts(path, split="dev", fields=FieldNames())
