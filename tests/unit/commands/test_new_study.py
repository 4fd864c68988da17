import shutil
from pathlib import Path

import pytest
import yaml
from steering_reliability.commands.app import app
from steering_reliability.commands.named_model import named_model, section_of
from steering_reliability.commands.new_study import QUICK, Wishes, existing_config, is_quick, new_study
from steering_reliability.config.files import WORKFLOW, default_file, read_config
from steering_reliability.errors import InputError
from steering_reliability.evidence.design_power import design_of_plan, design_power, shown_words
from steering_reliability.prompts.schema import SPLITS
from steering_reliability.run.plan import plan_run
from typer.testing import CliRunner


@pytest.fixture
def place(tmp_path, tiny_folder, monkeypatch):
    """A working folder with a model in it."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_folder, "tiny")
    return tmp_path


def call(*arguments, code=0):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    return done


def comments(text: str) -> dict[str, str]:
    """What was chosen, by the line that follows."""
    lines = [line.strip() for line in text.splitlines()]
    return {lines[at + 1].partition(":")[0]: line for at, line in enumerate(lines) if line.startswith("# Chosen")}


def test_a_new_study_is_the_default_one_of_another_model(place):
    said = call("init", "tiny").stdout
    assert "config.yaml: every key with its meaning" in said
    config, usual = yaml.safe_load(Path("config.yaml").read_text()), read_config(WORKFLOW / "config.yaml")
    assert list(config) == list(usual)
    changed = {
        f"{section}.{key}"
        for section, keys in config.items()
        for key, value in (keys or {}).items()
        if value != usual[section][key]
    }
    assert changed == {"model.name", "model.source", "model.sha256", "experiment.output_dir"}
    assert config["experiment"]["output_dir"] == "results/tiny"
    for split in SPLITS:
        assert (place / f"prompts/{split}.jsonl").read_bytes() == (WORKFLOW / f"prompts/{split}.jsonl").read_bytes()
    # Every command finds it there.
    assert default_file() == Path("config.yaml")
    assert "0 of 3" in call("status").stdout


def test_what_was_chosen_is_said_with_numbers_that_are_true(place):
    call("init", "tiny")
    text = Path("config.yaml").read_text()
    plan = plan_run(yaml.safe_load(text))
    prompts = {split: plan.used_prompts(split) for split in SPLITS}
    shown = shown_words(design_power(design_of_plan(plan, prompts=prompts), rates=None))
    unwrapped = " ".join(text.replace("\n  #", "").split())
    assert f"with so many the claims show {shown} (80% power)" in unwrapped
    assert set(comments(text)) >= {"dtype", "chat_template", "layers"}
    assert "# Chosen: here that is float32 on cpu." in text or "bfloat16 on" in text


def test_a_setting_is_said_to_be_one_and_no_scan_is_claimed_where_none_is_left(place):
    settings = ["experiment.layers=[1]", "experiment.alphas={add: [0.5]}", "generation.max_new_tokens=7"]
    call("init", "tiny", *(word for one in settings for word in ("--set", one)))
    text = Path("config.yaml").read_text()
    config = yaml.safe_load(text)
    assert (config["experiment"]["layers"], config["generation"]["max_new_tokens"]) == ([1], 7)
    chosen = comments(text)
    assert {chosen[key] for key in ("layers", "alphas", "max_new_tokens")} == {"# Chosen: --set."}
    assert "Chosen: a scan" not in text


def test_a_quick_study_has_what_quick_sets_in_a_folder_of_its_own(place):
    call("init", "tiny", "--quick")
    text = Path("config.yaml").read_text()
    config = yaml.safe_load(text)
    assert is_quick(config)
    assert config["experiment"]["output_dir"] == "results/tiny-quick"
    assert "# Chosen: --quick; with so many" in text
    plan = plan_run(config)
    assert {len(plan.used_prompts(split)) for split in SPLITS} == {QUICK["data"]["max_prompts_per_split"]}
    config["generation"]["max_new_tokens"] = 40
    assert not is_quick(config)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--set", "generation.max_new_token=9"], "generation.max_new_token"),
        (["--set", "generation.max_new_tokens=many"], "generation.max_new_tokens: must be a whole number"),
        (["--set", "generation"], "'generation' is no setting"),
        (["--set", "generation=1"], "'generation=1' is no setting"),
        (["--set", "a.b=["], "the value of a.b is not valid YAML"),
        (["--prompts", "nowhere"], "lacks harm_train.jsonl, harm_test.jsonl, benign.jsonl"),
        (["--prompts", "two"], "the folder of prompts lacks benign.jsonl"),
        (["--prompts", "damaged"], "harm_test"),
    ],
)
def test_what_can_not_be_used_is_one_message_and_nothing_is_written(place, options, what):
    for folder in ("two", "damaged"):
        shutil.copytree(WORKFLOW / "prompts", folder)
    (place / "two/benign.jsonl").unlink()
    (place / "damaged/harm_test.jsonl").write_text("{\n")
    before = sorted(place.rglob("*"))
    for command in ("init", "run"):
        said = call(command, "tiny", *options, code=1).stderr
        assert what in said
        assert said.count("to do:") == 1
    assert sorted(place.rglob("*")) == before


def test_a_folder_that_can_not_be_written_is_named(tiny_folder, monkeypatch):
    monkeypatch.chdir("/proc")
    said = call("init", tiny_folder, code=1).stderr
    assert "the study can't be written" in said
    assert "where: /proc" in said


def test_prompts_of_the_users_own_are_left_where_they_are(place):
    shutil.copytree(WORKFLOW / "prompts", "mine")
    call("init", "tiny", "--prompts", "mine")
    assert not (place / "prompts").exists()
    assert yaml.safe_load(Path("config.yaml").read_text())["data"]["benign_path"] == "mine/benign.jsonl"


def test_prompts_that_lie_there_are_used_as_they_are(place):
    shutil.copytree(WORKFLOW / "prompts", "prompts")
    lines = (place / "prompts/benign.jsonl").read_bytes().splitlines(keepends=True)
    (place / "prompts/benign.jsonl").write_bytes(b"".join(lines[:100]))
    call("init", "tiny")
    assert len((place / "prompts/benign.jsonl").read_bytes().splitlines()) == 100


def test_a_config_that_is_there_goes_on_unless_it_is_of_something_else(place):
    call("init", "tiny", "--quick")
    # Edited by hand.
    Path("config.yaml").write_text(Path("config.yaml").read_text().replace("top_p: 0.95", "top_p: 0.9"))
    edited = Path("config.yaml").read_bytes()
    for wishes in (Wishes(), Wishes(quick=True), Wishes(settings=["generation.top_p=0.9"])):
        there = existing_config(section_of("tiny"), wishes)
        assert there is not None and there["generation"]["top_p"] == 0.9
    said = call("init", "tiny", "--set", "generation.top_p=0.5", "--set", "scan.seed=3", code=1).stderr
    assert "with other settings: generation.top_p, scan.seed" in said
    assert "already, of tiny" in call("init", "lab/other", code=1).stderr
    assert "goes on as it is there" in call("init", "tiny").stdout
    assert Path("config.yaml").read_bytes() == edited


def test_a_study_can_not_be_wished_without_a_model(place):
    assert "a new study needs a model" in call("run", "--quick", code=1).stderr


def test_the_other_study_of_a_new_one_is_that_with_or_without_quick(place):
    model = named_model("tiny")
    full, quick = new_study(model, Wishes()), new_study(model, Wishes(quick=True))
    assert (full.other, quick.other) == (quick.config, full.config)


def test_an_unknown_model_is_refused_before_anything_is_written(place):
    with pytest.raises(InputError):
        named_model("none.gguf")
    assert "no model, run or config file" in call("run", "./none", code=1).stderr
    assert sorted(path.name for path in place.iterdir()) == ["tiny"]


def test_the_snakefile_is_named(place):
    path = Path(call("snakefile").stdout.strip())
    assert path == WORKFLOW / "Snakefile"
    assert path.is_file()


def test_the_page_says_what_quick_sets():
    page = (WORKFLOW / "docs/install.md").read_text(encoding="utf-8")
    prompts, tokens = QUICK["data"]["max_prompts_per_split"], QUICK["generation"]["max_new_tokens"]
    assert f"{prompts} prompts per split, {tokens} tokens, one strength at three layers, no controls" in page
    assert len(QUICK["experiment"]["target_kl"]) == 1
    assert not QUICK["sanity_checks"]["enabled"]
