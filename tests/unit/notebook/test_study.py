"""A notebook's config: laid key by key, whole, and in a folder that holds no other study."""

import pytest
import yaml
from fake_hub import COMMIT, FakeHub
from huggingface_hub import constants
from steering_reliability.commands.named_model import named_model
from steering_reliability.commands.new_study import USUAL
from steering_reliability.config.files import WORKFLOW, read_config
from steering_reliability.errors import InputError
from steering_reliability.notebook import study
from steering_reliability.notebook.study import chosen, write_study

SETTINGS = {"experiment": {"layers": [1], "interventions": ["add"], "alphas": [0.5]}}


@pytest.fixture
def model(tiny_folder, monkeypatch):
    monkeypatch.chdir(WORKFLOW)
    return {"name": "tiny", "source": str(tiny_folder), "device": "cpu", "dtype": "float32"}


@pytest.fixture
def default():
    return yaml.safe_load((WORKFLOW / "config.yaml").read_text(encoding="utf-8"))


def refusal(folder, settings=SETTINGS, **given) -> str:
    with pytest.raises(InputError) as caught:
        write_study(folder, settings, **given)
    return str(caught.value)


def test_a_changed_key_leaves_the_other_keys_of_its_section(model, default, tmp_path):
    changes = {"experiment": {"layers": [0, 2]}, "generation": {"max_new_tokens": 7}}
    written = read_config(write_study(tmp_path / "run", SETTINGS, model=model, changes=changes))
    assert written["experiment"] == default["experiment"] | {
        "layers": [0, 2],
        "interventions": ["add"],
        "alphas": [0.5],
        "output_dir": str(tmp_path / "run"),
    }
    assert written["generation"] == default["generation"] | {"max_new_tokens": 7}
    # Of another model neither hash nor revision is kept.
    assert written["model"] == model
    assert written["report"]["output_dir"] == str(tmp_path / "run" / "report")
    assert written.keys() == default.keys()


def test_a_model_is_named_by_one_word_as_on_the_command_line(model, tmp_path):
    word = model["source"]
    file = write_study(tmp_path / "run", SETTINGS, model=word)
    assert read_config(file)["model"] == {**USUAL, **named_model(word).section}
    with pytest.raises(InputError) as caught:
        write_study(tmp_path / "other", SETTINGS, model=str(file))
    assert caught.value.where == f"parameter MODEL = {str(file)!r}"
    assert "not a model" in caught.value.what
    with pytest.raises(InputError, match="there is no model"):
        write_study(tmp_path / "other", SETTINGS, model="none")


def test_a_hub_model_keeps_the_commit_that_its_run_began_with(tiny_folder, tmp_path, monkeypatch):
    files = {path.name: path.read_bytes() for path in tiny_folder.iterdir()}
    with FakeHub(files).serving() as hub:
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        file = write_study(tmp_path / "run", SETTINGS, model="lab/tiny")
        before = file.read_bytes()
        assert read_config(file)["model"]["revision"] == COMMIT
        (tmp_path / "run" / "results.parquet").touch()
        # What the main branch is by now is not asked again.
        monkeypatch.setattr(study, "named_model", None)
        assert write_study(tmp_path / "run", SETTINGS, model="lab/tiny").read_bytes() == before


def test_what_is_left_open_is_known_for_the_embedded_model_and_else_chosen_by_the_scan():
    assert chosen(None, of_embedded=14, model="") == [14]
    assert chosen(None, of_embedded=14, model="lab/tiny") == "auto"
    for model in ("", "lab/tiny"):
        assert chosen(0, of_embedded=14, model=model) == [0]


def test_a_folder_with_another_study_is_refused_and_left_as_it_is(model, tmp_path):
    folder = tmp_path / "run"
    file = write_study(folder, SETTINGS, model=model)
    before = file.read_bytes()
    (folder / "results.parquet").write_text("of the first study", encoding="utf-8")
    said = refusal(folder, model=model, changes={"experiment": {"alphas": [0.7]}, "generation": {"seed": 3}})
    assert said == (
        "the folder holds a run with other settings: generation.seed (0 there, 3 here), "
        f"experiment.alphas ([0.5] there, [0.7] here)\n  where: {folder}\n"
        "  to do: choose another RUN_ID, or delete the folder if its results are not needed"
    )
    assert file.read_bytes() == before
    assert write_study(folder, SETTINGS, model=model) == file
    generation = {"seed": 3, "max_new_tokens": 9, "temperature": 0.1, "top_p": 0.5, "num_samples_per_prompt": 2}
    said = refusal(folder, model=model, changes={"generation": generation, "data": {"max_prompts_per_split": 3}})
    assert "data.max_prompts_per_split (120 there, 3 here)" in said
    assert ", and 1 more\n" in said
    # What only decides the speed may change.
    write_study(folder, SETTINGS, model=model, changes={"generation": {"memory_gib": 1.0, "workers": 1}})
    assert read_config(file)["generation"]["memory_gib"] == 1.0


@pytest.mark.parametrize("config", [None, "a: [", "- a list"])
def test_a_folder_that_no_notebook_made_is_refused(model, tmp_path, config):
    # One in which nothing was made takes another config.
    for alphas in ([0.5], [0.7]):
        file = write_study(tmp_path / "new", SETTINGS, model=model, changes={"experiment": {"alphas": alphas}})
        assert read_config(file)["experiment"]["alphas"] == alphas
    (tmp_path / "results.parquet").touch()
    if config is not None:
        (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    said = refusal(tmp_path, model=model)
    assert said.startswith("the folder holds files that were not made by a notebook\n")
    assert not (tmp_path / "config.yaml").exists() or (tmp_path / "config.yaml").read_text(encoding="utf-8") == config


NO_SECTIONS = "CHANGES must contain sections of config.yaml with their keys, not "


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"generation": {"max_new_token": 3}}, "did you mean `max_new_tokens`?"),
        ({"experiment": None}, "experiment.layers: is missing"),
        ("generation", NO_SECTIONS),
        ({"generation": 3}, NO_SECTIONS),
        # Nor can the run be sent into the folder of another one.
        ({"experiment": {"output_dir": "results/smollm2"}}, "where: parameter CHANGES, key experiment.output_dir\n"),
        ({"report": {"output_dir": "results/smollm2"}}, "take the key out, and set OUTPUT_DIR and RUN_ID"),
    ],
)
def test_a_config_that_cannot_be_used_is_not_written(model, tmp_path, changes, words):
    assert words in refusal(tmp_path / "run", model=model, changes=changes)
    assert not (tmp_path / "run").exists()
