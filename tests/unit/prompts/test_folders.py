import pytest
from steering_reliability.errors import InputError
from steering_reliability.prompts.folders import choose_files, holds_rows
from steering_reliability.prompts.sets import find_set

JBB = "Goal,Behavior,Category\nDraw a cat,Cats,Pets\n"


@pytest.fixture
def choose(tmp_path):
    """Chooses among files of a folder, given as content by name: their names."""

    def chosen(files, *, split="harm_test", known=None):
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        known = None if known is None else find_set(known)
        found = choose_files(tmp_path, known=known, split=split, named="my folder")
        return [str(path.relative_to(tmp_path)) for path in found]

    return chosen


def test_the_only_file_of_rows_is_taken_whatever_is_beside_it(choose):
    others = {
        "README.md": "# x",
        "load.py": "1/0",
        ".cache/x.csv": "a",
        "dataset_infos.json": "{}",
        "w.safetensors": "",
    }
    assert choose({**others, "data/mine.csv": "anything\nx\n"}) == ["data/mine.csv"]


def test_the_parts_of_a_file_are_taken_together_and_a_missing_one_is_named(choose):
    parts = [f"train-0000{n}-of-00002-a09b74b3.jsonl" for n in (0, 1)]
    assert choose(dict.fromkeys(parts, '{"prompt": "x"}')) == parts


def test_a_missing_part_is_refused(choose):
    with pytest.raises(InputError, match=r"1 of the 2 parts of train\.jsonl are there"):
        choose({"train-00001-of-00002.jsonl": '{"prompt": "x"}'})


REPOSITORY = {
    "data/harmful-behaviors.csv": JBB,
    "data/benign-behaviors.csv": JBB,
    "data/judge-comparison.csv": "goal,answer\nx,y\n",
    "broken.json": "[",
}


@pytest.mark.parametrize("known", [None, "jailbreakbench"])
@pytest.mark.parametrize(("split", "file"), [("harm_test", "harmful-behaviors"), ("benign", "benign-behaviors")])
def test_of_several_files_the_one_with_the_sets_columns_and_the_splits_kind_is_taken(choose, known, split, file):
    assert choose(REPOSITORY, split=split, known=known) == [f"data/{file}.csv"]


def test_what_could_be_meant_is_listed_where_it_is_not_one(choose):
    with pytest.raises(
        InputError, match=r"none of the files in the folder could be meant: 'broken\.json', 'data/benign"
    ):
        choose(REPOSITORY, known="xstest")
    with pytest.raises(InputError, match="several files in the folder could be meant") as caught:
        choose({**REPOSITORY, "data/more.csv": JBB})
    assert (caught.value.where, caught.value.fix) == ("my folder", "name the file: add it to --file")


def test_a_folder_without_rows_is_refused(choose):
    with pytest.raises(InputError, match="no file of rows"):
        choose({"README.md": ""})


def test_names_of_rows():
    assert all(map(holds_rows, ("a.csv", "x/y.PARQUET", "z.jsonl")))
    assert not any(map(holds_rows, ("a.py", ".git/a.csv", "x/.hidden.csv", "dataset_infos.json", "m.safetensors")))
