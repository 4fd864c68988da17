"""The card of the committed prompts says what the files hold."""

from collections import Counter
from pathlib import Path

import pytest
from steering_reliability.prompts.reading import read_prompts

FOLDER = Path(__file__).parents[3] / "prompts"


@pytest.mark.parametrize("split", ["harm_train", "harm_test", "benign"])
def test_the_table_of_families_and_styles(split):
    prompts = read_prompts(FOLDER / f"{split}.jsonl", split=split)
    section = (FOLDER / "README.md").read_text(encoding="utf-8").split(f"### {split}\n")[1].split("\n#")[0]
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in section.splitlines() if "|" in line]
    header, _, *body = rows
    counts = Counter((prompt.family, prompt.style) for prompt in prompts)
    shown = {
        (line[0].strip("* "), style): int(number)
        for line in body
        for style, number in zip(header[1:-1], line[1:-1], strict=True)
        if line[0] != "all" and int(number)
    }
    assert shown == dict(counts)
    assert body[-1][-1] == str(len(prompts))
