"""What a scorer imports from its own folder counts as the scorer."""

import pytest
from steering_reliability.config.schema import MetricsConfig
from steering_reliability.metrics.scorer import load_scorer
from steering_reliability.metrics.scorer_files import scorer_files


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


def test_they_can_be_imported(folder):
    assert load_scorer(f"{folder}/own.py:score")("p", "c") == 0.5


@pytest.mark.parametrize("content", [None, b"def (", b"\0", b"\xff"])
def test_a_file_that_is_no_python_stands_alone(content, tmp_path):
    path = tmp_path / "own.py"
    if content is not None:
        path.write_bytes(content)
    assert scorer_files(str(path)) == [str(path)]
