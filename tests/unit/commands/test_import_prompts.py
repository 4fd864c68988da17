import json

import pytest
from steering_reliability.commands.import_prompts import Wanted, import_prompts
from steering_reliability.errors import InputError
from steering_reliability.prompts.schema import Prompt, write_prompts

ADVBENCH = "goal,target\nDraw a cat,x\nWhere is the old mill by the river? Tell me.,y\nDraw a dog,z\n"


@pytest.fixture
def run(tmp_path):
    """Imports a file of AdvBench's form beside harm_test with two prompts, and a file of another name."""
    out = tmp_path / "out"
    taken = [Prompt("e1", "draw a CAT!", "f", "s"), Prompt("e2", "Where is the old mill by the river?", "f", "s")]
    write_prompts(taken, path=out / "harm_test.jsonl")
    write_prompts([Prompt("o1", "Draw a dog.", "f", "s")], path=out / "earlier.jsonl")
    (tmp_path / "harmful_behaviors.csv").write_text(ADVBENCH)

    def imported(**options):
        wanted = Wanted(str(tmp_path / "harmful_behaviors.csv"), **{"split": "harm_train", **options})
        return import_prompts(wanted, out_dir=out, project=tmp_path / "project", say=print)

    imported.out = out
    return imported


def test_what_another_split_has_is_refused_with_the_option_that_leaves_it_out(run):
    with pytest.raises(InputError, match="the same prompt as harm_train_0001 in harm_train") as caught:
        run()
    assert "--drop_overlaps leaves out those of the new file" in caught.value.fix


def test_overlaps_with_all_files_of_the_folder_are_left_out_on_demand_and_named(run):
    (run.out / "harm_test.jsonl").write_text((run.out / "harm_test.jsonl").read_text().replace("dog", "cow"))
    with pytest.raises(InputError, match="every prompt of the file is in another file"):
        run(drop_overlaps=True)
    (run.out / "earlier.jsonl").unlink()
    imported = run(drop_overlaps=True)
    assert [prompt.prompt for prompt in imported.prompts] == ["Draw a dog"]
    assert "1 prompt of harm_train is the same as one of harm_test (harm_train_0001 and e1)" in imported.notes
    assert "1 prompt of harm_train is a near copy of one of harm_test (harm_train_0002 and e2)" in imported.notes
    assert "left out the 2 prompts that other files have" in imported.notes
    assert imported.card["overlaps_dropped"] == {"harm_test": 2}
    assert (imported.card["set"], imported.card["rows"], imported.card["prompts"]) == ("advbench", 3, 1)


def test_a_near_copy_and_a_file_that_is_no_split_are_noted_and_not_refused(run):
    (run.out / "harm_test.jsonl").unlink()
    imported = run(known="advbench")
    assert "1 prompt of harm_train is the same as one of earlier (harm_train_0003 and o1)" in imported.notes
    assert len(imported.prompts) == 3
    assert imported.card["overlaps_dropped"] == {}


def test_prompts_without_styles_are_not_refused(run):
    unlabelled = [{"id": "e", "prompt": "Draw a cow"}]
    (run.out / "harm_test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in unlabelled))
    imported = run()
    assert "4 of 4 prompts have no style, so it was not checked" in imported.notes
    assert imported.warnings == []
