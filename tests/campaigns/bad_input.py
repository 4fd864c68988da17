"""Thousands of broken configs and prompt files: each is refused in one message or is sound; nothing else may happen."""

import argparse
import copy
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "workflow"))

from steering_reliability.config.files import read_config  # noqa: E402
from steering_reliability.errors import InputError  # noqa: E402
from steering_reliability.prompts.check import check_prompts  # noqa: E402
from steering_reliability.prompts.reading import read_prompts  # noqa: E402
from steering_reliability.run.plan import plan_run  # noqa: E402

SLOW_S = 10.0
NONSENSE = [
    None, True, -1, 0, 1e308, float("nan"), float("inf"), 10**30, "", " ", "x" * 5000, "../../etc/passwd", "a\nb",
    "\x00", "'; rm -rf /", "{layer}", "$HOME", "=cmd()", "\u202e", [], {}, [[]], [None], {"add": None}, {"": ""},
    "1.5", [1, "a"],
]  # fmt: skip
"""Values that most keys can't take."""


def paths_of(tree: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in nested data."""
    if prefix:
        yield prefix
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from paths_of(value, (*prefix, key))


def parent_of(tree: Any, path: tuple[Any, ...]) -> Any:
    """The mapping or list that holds a place."""
    for key in path[:-1]:
        tree = tree[key]
    return tree


def mutate(config: dict[str, Any], rng: random.Random) -> tuple[dict[str, Any], str, bool]:
    """A broken copy, what was done to it, and whether it can't be sound any more."""
    changed = copy.deepcopy(config)
    path = rng.choice(list(paths_of(changed)))
    holder, key = parent_of(changed, path), path[-1]
    kind = rng.choice(["value", "value", "value", "unknown key", "misspelt key", "remove", "text for number", "nest"])
    name = ".".join(map(str, path))
    if kind == "value":
        value = copy.deepcopy(rng.choice(NONSENSE))
        holder[key] = value
        return changed, f"{name} = {value!r:.40}", False
    if kind in ("unknown key", "misspelt key") and isinstance(holder, dict):
        # The keys below `alphas` are names of interventions, and are checked as such.
        holder[f"{key}_x" if kind == "unknown key" else str(key)[:-1] + "q"] = 1
        return changed, f"{kind} beside {name}", True
    if kind == "remove":
        del holder[key]
        return changed, f"without {name}", False
    if kind == "text for number" and isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
        holder[key] = "many"
        return changed, f"{name} = 'many'", True
    holder[key] = {"inside": holder[key]}
    return changed, f"{name} nested", True


def judge(call: Callable[[], object]) -> tuple[str, str]:
    """What became of an input: refused, accepted, or a defect; and the message."""
    start = time.monotonic()
    try:
        call()
        outcome, message = "accepted", ""
    except InputError as error:
        outcome, message = "refused", str(error)
    except Exception as error:
        outcome, message = "TRACEBACK", f"{type(error).__name__}: {error}"
    if time.monotonic() - start > SLOW_S:
        outcome = "SLOW"
    return outcome, message


def try_configs(n: int, rng: random.Random) -> tuple[Counter[str], list[str]]:
    """Plan runs of broken configs, half of them read from YAML as a user's would be."""
    sound = [read_config(ROOT / "configs" / name) for name in ("tiny.yaml", "full.yaml", "refusal_tuned.yaml")]
    counts: Counter[str] = Counter()
    defects = []
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(n):
            config, what, is_hopeless = mutate(rng.choice(sound), rng)
            path = Path(scratch) / "run.yaml"
            if number % 2:
                path.write_text(yaml.safe_dump(config), encoding="utf-8")
                outcome, message = judge(lambda path=path: plan_run(read_config(path)))
            else:
                outcome, message = judge(lambda config=config: plan_run(config))
            if outcome == "accepted" and is_hopeless:
                outcome = "NONSENSE ACCEPTED"
            if outcome == "refused" and ("where: " not in message or "to do: " not in message):
                outcome = "UNCLEAR"
            counts[outcome] += 1
            if outcome.isupper():
                defects.append(f"{outcome}: {what}: {message[:160]}")
    return counts, defects


def broken_prompts(text: str, rng: random.Random) -> tuple[bytes, str]:
    """A prompt file with one fault, and its name."""
    lines = text.splitlines()
    at = rng.randrange(len(lines))
    content = json.loads(lines[at])
    faults: dict[str, Callable[[], bytes | None]] = {
        "cut line": lambda: put(lines[at][: rng.randrange(1, len(lines[at]))]),
        "flipped byte": lambda: flipped("\n".join(lines).encode(), rng),
        "no JSON": lambda: put(rng.choice(["{", "null", "[]", "prompt", '"text"', "{}", "NaN"])),
        "unknown field": lambda: put(json.dumps({**content, "promt": "x"})),
        "wrong type": lambda: put(
            json.dumps({**content, rng.choice(["id", "prompt", "meta"]): rng.choice([1, None, []])})
        ),
        "empty prompt": lambda: put(json.dumps({**content, "prompt": rng.choice(["", " ", "\n\t"])})),
        "twice": lambda: put(lines[at] + "\n" + lines[at]),
        "unsafe id": lambda: put(json.dumps({**content, "id": rng.choice(["../x", "a/b", "a\nb", "x" * 5000, ""])})),
        "not UTF-8": lambda: "\n".join(lines).encode("utf-16"),
        "nothing": lambda: rng.choice([b"", b"\n\n", b"\xff", b"\x00" * 10]),
        "deep": lambda: put("[" * 100_000),
    }

    def put(line: str) -> bytes:
        return "\n".join([*lines[:at], line, *lines[at + 1 :]]).encode()

    name = rng.choice(list(faults))
    return faults[name]() or b"", name


def flipped(content: bytes, rng: random.Random) -> bytes:
    """The content with one bit turned."""
    at = rng.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]


def try_prompts(n: int, rng: random.Random) -> tuple[Counter[str], list[str]]:
    """Read broken prompt files; a turned bit inside a text is no fault that a reader could know of."""
    text = (ROOT / "prompts/harm_test.jsonl").read_text(encoding="utf-8")
    others = {split: str(ROOT / f"prompts/{split}.jsonl") for split in ("harm_train", "benign")}
    counts: Counter[str] = Counter()
    defects = []
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "harm_test.jsonl"
        for number in range(n):
            content, what = broken_prompts(text, rng)
            path.write_bytes(content)
            everything = {**others, "harm_test": str(path)}
            call = (
                (lambda: read_prompts(path, split="harm_test"))
                if number % 10
                else (lambda every=everything: check_prompts(every, limit=None))
            )
            outcome, message = judge(call)
            if outcome == "accepted" and what != "flipped byte":
                outcome = "NONSENSE ACCEPTED"
            if outcome == "refused" and "to do: " not in message:
                outcome = "UNCLEAR"
            counts[outcome] += 1
            if outcome.isupper():
                defects.append(f"{outcome}: {what}: {message[:160]}")
    return counts, defects


def main() -> int:
    """Print what became of the inputs; the exit code is 1 where there was a defect."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=2000, help="configs, and as many prompt files")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    worst = 0
    for name, campaign in (("configs", try_configs), ("prompt files", try_prompts)):
        counts, defects = campaign(arguments.n, rng)
        print(f"{name}: " + ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())))
        for line in defects[:20]:
            print(f"  {line}")
        worst = max(worst, len(defects))
    return int(worst > 0)


if __name__ == "__main__":
    sys.exit(main())
