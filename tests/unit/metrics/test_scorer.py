import pytest
from steering_reliability.config.schema import MetricsConfig
from steering_reliability.errors import InputError
from steering_reliability.metrics.scorer import load_scorer, scorer_files
from steering_reliability.results.scoring import score_row

ROW = {"prompt": "p", "completion": "I'm sorry, I can't help with that.", "base_logprob": -1.0, "n_tokens": 9}


def scorer(tmp_path, body):
    path = tmp_path / "own.py"
    path.write_text(f"def score(prompt, completion):\n    {body}\n", encoding="utf-8")
    return load_scorer(f"{path}:score")


def test_a_users_score_takes_the_place_of_the_rules(tmp_path):
    lenient = scorer(tmp_path, "return 0.0")
    row = score_row(ROW, baseline_base_logprob=-1.0, full_length=40, scorer=lenient)
    assert (row["refusal_score"], row["is_refusal"], row["refusal_label"]) == (0.0, False, "neither")
    rules = score_row(ROW, baseline_base_logprob=-1.0, full_length=40)
    assert (rules["is_refusal"], rules["refusal_label"]) == (True, "refusal")
    # The phrases that the rules found stay to be read.
    assert row["matched_phrases"] == rules["matched_phrases"] != []


def test_it_sees_prompt_and_completion_and_half_is_a_refusal(tmp_path):
    own = scorer(tmp_path, "return 0.5 if (prompt, completion) == ('p', 'Sure.') else 0.4")
    row = score_row(ROW | {"completion": "Sure."}, baseline_base_logprob=-1.0, full_length=40, scorer=own)
    assert (row["is_refusal"], row["refusal_label"], row["is_helpful"]) == (True, "refusal", False)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 2", "returned 2.0, not a number from 0 to 1"),
        ("return float('nan')", "returned nan"),
        ("return None", "fails: TypeError"),
        ("raise KeyError('x')", "fails: KeyError"),
    ],
)
def test_what_is_no_score_is_refused(tmp_path, body, message):
    with pytest.raises(InputError, match=message):
        scorer(tmp_path, body)("p", "c")


def test_files_that_cannot_be_used_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_scorer(f"{tmp_path}/none.py:score")
    path = tmp_path / "own.py"
    path.write_text("import nothing_of_this_name\n")
    with pytest.raises(InputError, match="ModuleNotFoundError"):
        load_scorer(f"{path}:score")
    path.write_text("x = 1\n")
    with pytest.raises(InputError, match="no function score"):
        load_scorer(f"{path}:score")


def test_labels_of_the_rules_and_a_users_score_exclude_each_other():
    with pytest.raises(ValueError, match=r"can't be used with metrics\.scorer"):
        MetricsConfig(labels="labels.csv", scorer="own.py:score")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "words").mkdir()
    files = {
        "own.py": "import json\nimport scorer_rules\n\ndef score(prompt, completion):\n    from words import lists\n"
        "    return scorer_rules.HALF * len(lists.WORDS)\n",
        "scorer_rules.py": "import os.path\nimport scorer_deep\nHALF = scorer_deep.ONE / 2\n",
        "scorer_deep.py": "import scorer_rules\nONE = 1.0\n",
        "words/__init__.py": "from .more import MORE\nfrom . import most\n",
        "words/more.py": "MORE = []\n",
        "words/most.py": "",
        "words/lists.py": "WORDS = ['sorry']\n",
        "unused.py": "",
        "json.py.txt": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_modules_of_its_folder_are_followed_wherever_they_are_imported(folder):
    names = ["own.py", "scorer_deep.py", "scorer_rules.py", "words/__init__.py", "words/lists.py"]
    names += ["words/more.py", "words/most.py"]
    assert scorer_files(str(folder / "own.py")) == [str(folder / name) for name in names]
    assert MetricsConfig(scorer=f"{folder}/own.py:score").scorer_files == [str(folder / name) for name in names]


@pytest.mark.parametrize("content", [None, b"def (", b"\0", b"\xff"])
def test_a_file_that_is_no_python_stands_alone(content, tmp_path):
    path = tmp_path / "own.py"
    if content is not None:
        path.write_bytes(content)
    assert scorer_files(str(path)) == [str(path)]
