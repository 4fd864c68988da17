import pytest
from fake_hub import COMMIT, FakeHub
from huggingface_hub import constants
from steering_reliability.commands.prompt_source import find_source
from steering_reliability.errors import InputError
from steering_reliability.prompts.sets import find_set

JBB = "Goal,Behavior,Category\nDraw a cat,Cats,Pets\n"
FILES = {"data/harmful-behaviors.csv": JBB, "data/benign-behaviors.csv": JBB, "LICENSE.txt": "MIT", "load.py": "1/0"}


def found(given, **options):
    return find_source(str(given), **{"known": None, "split": "benign", "say": print, **options})


def test_a_file_is_itself_and_of_a_folder_the_file_of_the_set_and_split_is_taken(tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    path = tmp_path / "data" / "benign-behaviors.csv"
    assert found(path).files == found(tmp_path).files == found(tmp_path, known=find_set("jbb")).files == [path]
    assert found(path).hub is None
    with pytest.raises(InputError, match="none of the files") as caught:
        found(tmp_path, known=find_set("xstest"))
    assert caught.value.where == str(tmp_path)


def test_a_dataset_of_the_hub_is_a_folder_of_rows_with_its_commit_and_licence(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    files = {name: content.encode() for name, content in FILES.items()}
    with FakeHub(files, name="lab/jbb", kind="dataset").serving() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        source = found(f"hub:lab/jbb@{COMMIT}")
        assert [path.name for path in source.files] == ["benign-behaviors.csv"]
        assert source.files[0].read_text() == JBB
        repository = "https://huggingface.co/datasets/lab/jbb"
        assert source.hub == {"repository": repository, "revision": COMMIT, "licence": "mit"}
        named = found(f"hub:lab/jbb/data/harmful-behaviors.csv@{COMMIT}")
        assert [path.name for path in named.files] == ["harmful-behaviors.csv"]
        # A text file is a licence more often than a list of prompts.
        assert not hub.gets("LICENSE.txt") and not hub.gets("load.py")
