import json

import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.ingest import ingest_prompts
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import Prompt, write_prompts


@pytest.fixture
def ingest(tmp_path):
    """Ingests text in a file of a name, or a list of objects as JSON Lines."""

    def ingested(content, name="p.csv", *, split="benign", where=None, **fields):
        if isinstance(content, list):
            content, name = "\n".join(map(json.dumps, content)), "p.jsonl"
        path = tmp_path / name
        path.write_text(content, encoding="utf-8", newline="")
        return ingest_prompts([path], split=split, fields=fields, where=where)

    return ingested


def texts(result):
    return [(prompt.id, prompt.prompt) for prompt in result.prompts]


def test_nested_fields_lists_and_numbers(ingest):
    rows = [
        {"question_id": 7, "turns": ["first", "second"], "meta": {"family": "f", "style": "s"}},
        {"question_id": 8, "turns": ["other"], "meta": {"family": "g"}},
    ]
    fields = {"prompt": "turns", "id": "question_id", "family": "meta.family", "style": "meta.style"}
    assert ingest(rows, **fields).prompts == [Prompt("7", "first", "f", "s"), Prompt("8", "other", "g", "unknown")]


def test_a_text_file_has_a_prompt_on_each_line(ingest):
    result = ingest("one\r\n\n  two, too  \n\n\none\n", "p.TXT", prompt="Goal")
    assert texts(result) == [("benign_0001", "one"), ("benign_0002", "two, too")]
    assert result.notes[1:] == ["dropped line 6: the same prompt as line 1"]


def test_duplicates_are_dropped_and_reported_with_both_rows_and_their_ids_are_free(ingest):
    result = ingest('id,prompt\na,x y\nb,"x\r\n y"\nb,z\n', id="id")
    assert texts(result) == [("a", "x y"), ("b", "z")]
    assert result.notes == ["dropped row 2 (line 3): the same prompt as row 1 (line 2)"]


def test_all_unusable_rows_are_named_at_once(ingest):
    rows = [
        {"prompt": "fine"},
        {"family": "b"},
        {"prompt": {"text": "y"}},
        {"prompt": "x\0y"},
        {"prompt": "z", "family": ["\ud800"]},
    ]
    with pytest.raises(InputError) as caught:
        ingest(rows, family="family")
    assert [line.strip() for line in caught.value.what.splitlines()[1:]] == [
        "line 2, prompt: is empty",
        "line 3, prompt: is neither text nor a number",
        "line 4, prompt: contains control characters",
        "line 5, family: contains half of a surrogate pair, which is not a character",
    ]


def test_an_id_that_is_missing_or_can_not_be_used_is_made(ingest):
    ids = ["a", "  ", "c/d", "a", {"n": 1}, " e 5 ", "benign_0003"]
    result = ingest([{"id": name, "prompt": f"p{number}"} for number, name in enumerate(ids)], id="id")
    made = ["benign_0002", "benign_0003b", "benign_0004", "benign_0005"]
    assert [prompt.id for prompt in result.prompts] == ["a", *made, "e 5", "benign_0003"]
    assert result.notes == [
        "made 1 ids of the form benign_0001",
        "line 3: the id 'c/d' looks like a path, so it became benign_0003b",
        "line 4: the id 'a' is that of line 1 too, so it became benign_0004",
        "line 5: the id is neither text nor a number, so it became benign_0005",
    ]


LABELLED = "prompt,label,kind\na,safe,x\n,unsafe,x\nc,safe,y\nd,odd,y\n"


@pytest.mark.parametrize(
    ("where", "kept", "note"),
    [
        ({"LABEL": ["safe"]}, "ac", "kept 2 of 4 rows, those with LABEL=safe"),
        ({"label": ["odd", "safe"]}, "acd", "kept 3 of 4 rows, those with label=odd or safe"),
        ({"label": ["safe"], "kind": ["y"]}, "c", "kept 1 of 4 rows, those with label=safe and kind=y"),
    ],
)
def test_only_rows_that_meet_the_conditions_are_kept(ingest, where, kept, note):
    result = ingest(LABELLED, where=where)
    assert [prompt.prompt for prompt in result.prompts] == list(kept)
    assert result.notes[0] == note


def test_true_and_numbers_are_compared_as_json_writes_them(ingest):
    rows = [{"prompt": "a", "ok": True, "n": 1}, {"prompt": "b", "ok": True, "n": 2}, {"prompt": "c", "ok": False}]
    assert [prompt.prompt for prompt in ingest(rows, where={"ok": ["true"], "n": ["2"]}).prompts] == ["b"]


@pytest.mark.parametrize(
    ("where", "what", "fix"),
    [
        ({"lable": ["safe"]}, "no row has a field 'lable'", "name one of its fields: 'prompt', 'label', 'kind'"),
        ({"label": ["Safe"]}, "no row has label=Safe", "use one of its values: 'safe', 'unsafe', 'odd'"),
        ({"label": ["odd"], "kind": ["x"]}, "no row has label=odd and kind=x at once", "give fewer conditions"),
    ],
)
def test_a_condition_that_matches_no_row_is_named_with_those_that_would(ingest, where, what, fix):
    with pytest.raises(InputError) as caught:
        ingest(LABELLED, where=where)
    assert (caught.value.what, caught.value.fix) == (what, fix)


def test_the_context_comes_first_then_a_blank_line_then_the_request(ingest):
    fields = {"prompt": "Behavior", "context": "ContextString"}
    result = ingest("Behavior,ContextString\nSum it up,A tale.\nSum it up,\nSum it up,A song.\n", **fields)
    assert [prompt.prompt for prompt in result.prompts] == ["A tale.\n\nSum it up", "Sum it up", "A song.\n\nSum it up"]
    with pytest.raises(InputError, match=r"row 1 \(line 2\), Behavior: is empty"):
        ingest("Behavior,ContextString\n,A tale.\nSum it up,\n", **fields)


def test_a_field_is_found_in_another_case_and_that_is_noted(ingest):
    result = ingest("INDEX;Goal\n7;a, b\n", prompt="goal", id="index")
    assert result.prompts == [Prompt("7", "a, b", "unknown", "unknown")]
    assert result.notes == ["the field 'goal' is 'Goal' here", "the field 'index' is 'INDEX' here"]
    assert ingest([{"prompt": "a", "Meta": {"Family": "f"}}], family="meta.family").prompts[0].family == "f"


def test_a_name_that_differs_from_two_fields_in_case_alone_is_an_error_and_an_exact_one_is_not(ingest):
    with pytest.raises(InputError, match="'goal' could be any of 'Goal', 'GOAL'"):
        ingest("Goal,GOAL\na,b\n", prompt="goal")
    assert ingest("Goal,GOAL\na,b\n", prompt="GOAL").prompts[0].prompt == "b"


@pytest.mark.parametrize("empty", ["", None, [], " "])
def test_a_field_that_is_empty_in_every_row_is_there(ingest, empty):
    rows = [{"prompt": "a", "category": empty}, {"prompt": "b", "category": empty}]
    note = "the field 'category' is there, but empty in every row"
    assert ingest(rows, family="category").notes == [note, "made 2 ids of the form benign_0001"]
    with pytest.raises(InputError, match=note):
        ingest(rows, prompt="category")


def test_what_is_ingested_is_what_the_workflow_accepts(ingest, tmp_path):
    # Past the first forty, which a capped run would look at.
    rows = [{"id": f"n{number}", "prompt": f"p {number}\u2028", "how": "s"} for number in range(60)]
    rows += [{"id": "x" * 300, "prompt": 7, "how": 3.5}, {"id": "..", "prompt": "\t q\r\nr\x0b s", "how": None}]
    with pytest.raises(InputError, match="line 62, prompt: contains control characters") as caught:
        ingest(rows, id="id", style="how")
    assert "1 problem in" in caught.value.what
    rows[-1]["prompt"] = "\t q\r\nr "
    result = ingest(rows, id="id", style="how")
    write_prompts(result.prompts, path=tmp_path / "benign.jsonl")
    assert read_prompts(tmp_path / "benign.jsonl", split="benign") == result.prompts
    assert texts(result)[60:] == [("benign_0061", "7"), ("benign_0062", "q\nr")]


def test_what_cannot_be_ingested_is_refused(ingest):
    with pytest.raises(InputError, match="no row has a field 'prompt'") as caught:
        ingest("Index,Goal\n0,x\n")
    assert "'Index', 'Goal'" in caught.value.fix
    with pytest.raises(InputError, match="no prompt in it"):
        ingest("prompt\n")
    with pytest.raises(InputError, match="no split 'dev'"):
        ingest("prompt\nx\n", split="dev")
