"""Public prompt sets by name: where each comes from, its licence, and which of its columns holds what."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from steering_reliability.errors import InputError
from steering_reliability.prompts.records import Record, Records, fields_of, listed

_HARMFUL, _BENIGN = "harmful", "benign"


@dataclass(frozen=True)
class FieldNames:
    """Which field of the user's file holds what; a dotted name reaches into objects ("meta.family").

    A name that the file writes in another case is found.

    Args:
        prompt: The request.
        id: A unique name; made where it is None, or a row has none that can be used.
        family: What the prompt is about in general; "unknown" where it is None or a row has none.
        style: The manner of the request; likewise.
        context: Text that the request is about; it comes first, then a blank line, then the request. A row that has
            none is the request alone.
        material: Text that the request works on; it follows the request after a blank line.
        extra: Further keys of `meta`, and the field of each.
    """

    prompt: str = "prompt"
    id: str | None = None
    family: str | None = None
    style: str | None = None
    context: str | None = None
    material: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    def named(self) -> dict[str, str]:
        """What is held, and the field that holds it."""
        given = {name: getattr(self, name) for name in ("prompt", "id", "family", "style", "context", "material")}
        return {**{name: field for name, field in given.items() if field}, **self.extra}

    def renamed(self, names: Mapping[str, str | None]) -> "FieldNames":
        """The same with other fields; one that has become None or is not in `names` is not used."""
        own = {name: names.get(name) for name in ("id", "family", "style", "context", "material")}
        extra = {name: field for name in self.extra if (field := names.get(name))}
        return replace(self, prompt=names.get("prompt") or self.prompt, extra=extra, **own)


@dataclass(frozen=True)
class Layout:
    """One form in which a set is published.

    Args:
        columns: What a file of this form has, beside columns that don't matter; the case of letters does not count.
        fields: Which of them holds what; one that is not there is left out, but for the prompt.
        unsafe: For a set with both kinds of prompts, a field and the pattern of its values in harmful rows.
        values: For columns that many files have, a field and all values that it can have in this set.
    """

    columns: tuple[str, ...]
    fields: FieldNames
    unsafe: tuple[str, str] | None = None
    values: tuple[str, frozenset[str]] | None = None


@dataclass(frozen=True)
class KnownSet:
    """A public set of prompts.

    Args:
        name: What `--from` takes.
        title: Its name in sentences.
        source: Where it is published.
        licence: That of the prompts, as published there.
        layouts: The forms of its files.
        files: Patterns of file names by the kind of their prompts, "harmful" or "benign". A set of one kind has one.
        is_named: It is recognised by the file's name as well, since its columns say too little.
    """

    name: str
    title: str
    source: str
    licence: str
    layouts: tuple[Layout, ...]
    files: Mapping[str, str]
    is_named: bool = False

    def kinds(self, file: str) -> set[str]:
        """Which prompts a file of this set holds, "harmful" or "benign", as far as its name tells; else both."""
        found = {kind for kind, pattern in self.files.items() if re.search(pattern, file, re.IGNORECASE)}
        return found or set(self.files)


_ORBENCH_CATEGORIES: Final = frozenset(
    ["deception", "harassment", "harmful", "hate", "illegal", "privacy", "self-harm", "sexual", "unethical", "violence"]
)
_LINES: Final = (Layout(("prompt",), FieldNames()),)
_QUESTION: Final = FieldNames("turns", id="question_id", family="category")

KNOWN_SETS: Final = {
    known.name: known
    for known in (
        KnownSet(
            "advbench",
            "AdvBench",
            "https://github.com/llm-attacks/llm-attacks/blob/main/data/advbench/harmful_behaviors.csv",
            "MIT",
            (Layout(("goal", "target"), FieldNames("goal")),),
            {_HARMFUL: ""},
        ),
        KnownSet(
            "harmbench",
            "HarmBench",
            "https://github.com/centerforaisafety/HarmBench/tree/main/data/behavior_datasets",
            "MIT",
            (
                Layout(
                    ("Behavior", "FunctionalCategory", "SemanticCategory", "ContextString", "BehaviorID"),
                    FieldNames(
                        "Behavior",
                        id="BehaviorID",
                        family="SemanticCategory",
                        style="FunctionalCategory",
                        context="ContextString",
                    ),
                ),
            ),
            {_HARMFUL: ""},
        ),
        KnownSet(
            "jailbreakbench",
            "JailbreakBench",
            "https://huggingface.co/datasets/JailbreakBench/JBB-Behaviors",
            "MIT",
            (
                Layout(
                    ("Goal", "Behavior", "Category"),
                    # A harmful and a benign prompt share each behavior: a classifier must not see it in both.
                    FieldNames("Goal", id="Index", family="Category", extra={"topic": "Behavior", "source": "Source"}),
                ),
            ),
            {_HARMFUL: "harmful", _BENIGN: "benign"},
        ),
        KnownSet(
            "strongreject",
            "StrongREJECT",
            "https://github.com/alexandrasouly/strongreject/tree/main/strongreject_dataset",
            "MIT",
            (
                Layout(
                    ("category", "forbidden_prompt"),
                    FieldNames("forbidden_prompt", family="category", extra={"source": "source"}),
                ),
            ),
            {_HARMFUL: ""},
        ),
        KnownSet(
            "maliciousinstruct",
            "MaliciousInstruct",
            "https://github.com/Princeton-SysML/Jailbreak_LLM",
            "not stated there; CC-BY-SA-4.0 in the copy huggingface.co/datasets/walledai/MaliciousInstruct",
            _LINES,
            {_HARMFUL: r"malicious[-_ ]?instruct"},
            is_named=True,
        ),
        KnownSet(
            "tdc2023",
            "TDC 2023",
            "https://github.com/centerforaisafety/tdc2023-starter-kit",
            "MIT",
            _LINES,
            {_HARMFUL: r"tdc[-_ ]?2023"},
            is_named=True,
        ),
        KnownSet(
            "xstest",
            "XSTest",
            "https://github.com/paul-rottger/exaggerated-safety/blob/main/xstest_prompts.csv",
            "CC-BY-4.0",
            (
                Layout(
                    ("prompt", "type", "label", "focus"),
                    FieldNames(id="id", style="type"),
                    unsafe=("label", "unsafe"),
                ),
                Layout(
                    ("id_v2", "prompt", "type", "focus"),
                    FieldNames(id="id_v2", style="type"),
                    unsafe=("type", "contrast_.*"),
                ),
            ),
            {_HARMFUL: "", _BENIGN: ""},
        ),
        KnownSet(
            "orbench",
            "OR-Bench",
            "https://huggingface.co/datasets/bench-llm/or-bench",
            "CC-BY-4.0",
            (Layout(("prompt", "category"), FieldNames(family="category"), values=("category", _ORBENCH_CATEGORIES)),),
            {_HARMFUL: "toxic", _BENIGN: "80k|hard"},
        ),
        KnownSet(
            "alpaca",
            "Alpaca",
            "https://huggingface.co/datasets/tatsu-lab/alpaca",
            "CC-BY-NC-4.0",
            (Layout(("instruction", "input", "output"), FieldNames("instruction", material="input")),),
            {_BENIGN: ""},
        ),
        KnownSet(
            "dolly",
            "Dolly",
            "https://huggingface.co/datasets/databricks/databricks-dolly-15k",
            "CC-BY-SA-3.0",
            (
                Layout(
                    ("instruction", "context", "response", "category"),
                    FieldNames("instruction", family="category", context="context"),
                ),
            ),
            {_BENIGN: ""},
        ),
        KnownSet(
            "vicuna",
            "Vicuna questions",
            "https://github.com/lm-sys/FastChat/tree/main/fastchat/llm_judge/data",
            "Apache-2.0",
            (
                Layout(("question_id", "category", "turns"), _QUESTION),
                Layout(("question_id", "category", "text"), replace(_QUESTION, prompt="text")),
            ),
            {_BENIGN: ""},
        ),
    )
}
"""The sets that are recognised. To add one, add an entry: docs and messages are written from this table."""

_OTHER_NAMES: Final = {"jbb": "jailbreakbench", "jbbbehaviors": "jailbreakbench", "tdc": "tdc2023", "mtbench": "vicuna"}

LITERATURE: Final = {
    "harm_test": ("jailbreakbench", "harmful-behaviors.csv", ""),
    "harm_train": ("advbench", "harmful_behaviors.csv", " --drop_overlaps"),
    "benign": ("xstest", "xstest_prompts.csv", ""),
}
"""Set, file and further option of each split of configs/literature.yaml, in the order in which they are made."""


def find_set(name: str) -> KnownSet:
    """Return the set of a name; upper case and hyphens do not count.

    Raises:
        InputError: When none is called so.
    """
    plain = re.sub("[-_ ]", "", name.casefold())
    known = KNOWN_SETS.get(_OTHER_NAMES.get(plain, plain))
    if known is None:
        fix = f"use one of {', '.join(KNOWN_SETS)}; or leave --from out and name the columns (--prompt-field)"
        raise InputError(f"there is no known set {name!r}", where="--from", fix=fix)
    return known


def recognise(rows: Records, *, file: str) -> list[tuple[KnownSet, Layout]]:
    """Return the sets whose columns the rows have, those with the most columns; empty where there is none.

    `file` is the file's name: sets without columns of their own are told by it.
    """
    columns = fields_of(rows.records)
    found = [
        (known, layout)
        for known in KNOWN_SETS.values()
        if not known.is_named or any(re.search(pattern, file, re.IGNORECASE) for pattern in known.files.values())
        for layout in known.layouts
        if _has(columns, layout) and _has_values(rows.records, layout)
    ]
    most = max((len(layout.columns) for _, layout in found), default=0)
    return [(known, layout) for known, layout in found if len(layout.columns) == most]


def layout_of(known: KnownSet, rows: Records, *, where: str) -> Layout:
    """Return the form of a set that the rows have; a file without fields can be any set.

    Raises:
        InputError: When they have none; names the columns that are expected and those that are there.
    """
    columns = fields_of(rows.records)
    if rows.is_plain:
        return Layout(tuple(columns), FieldNames(columns[0]))
    fitting = [layout for layout in known.layouts if _has(columns, layout)]
    if not fitting:
        expected = " or ".join(listed(layout.columns) for layout in known.layouts)
        what = f"the file does not have the columns of {known.title}: {expected}"
        fix = f"its columns are {listed(columns)}: name another set, or leave --from out and give --prompt-field"
        raise InputError(what, where=where, fix=fix)
    return max(fitting, key=lambda layout: len(layout.columns))


def fields_present(fields: FieldNames, records: Sequence[Record]) -> FieldNames:
    """Leave out the fields that no row has, but for the prompt's."""
    there = {column.casefold() for column in fields_of(records)}
    return fields.renamed(
        {name: field if field.casefold() in there else None for name, field in fields.named().items()}
    )


def prompt_like(records: Sequence[Record]) -> list[str]:
    """Return the columns that look like prompts, the likeliest first.

    They are text of at least three words on average, mostly different from row to row.
    """
    scores = {}
    for column in fields_of(records):
        texts = [text for record in records if (text := record.text(column))]
        words = sum(len(text.split()) for text in texts) / max(len(texts), 1)
        share = len(set(texts)) / len(records)
        if words >= 3 and share > 0.5:
            scores[column] = (
                not re.search("prompt|goal|instruction|question|request|turns|behavio", column, re.I),
                -share,
            )
    return sorted(scores, key=scores.__getitem__)


def kind_note(known: KnownSet, layout: Layout, *, file: str, split: str) -> str:
    """Return a note where a set's prompts are of the other kind than those of the split; else nothing."""
    wanted = kind_of(split)
    if layout.unsafe or wanted in known.kinds(file):
        return ""
    other = _HARMFUL if wanted == _BENIGN else _BENIGN
    return f"these prompts of {known.title} are {other}, but {split} is a split of {wanted} ones"


def kind_of(split: str) -> str:
    """Return which prompts a split holds, "harmful" or "benign"."""
    return _BENIGN if split == "benign" else _HARMFUL


def how_to_make(paths: Collection[str]) -> str:
    """Return how the files of configs/literature.yaml are made, where these are among them; else nothing."""
    folders = {str(Path(path).parent) for path in paths if Path(path).parent.name == "literature"}
    lines = [
        f"\n    {KNOWN_SETS[name].source}\n      "
        f"steering-reliability prompts --from {name} --file {file} --split {split} --out_dir {folder}{option}"
        for folder in sorted(folders)
        for split, (name, file, option) in LITERATURE.items()
    ]
    return "download the file of each set and make its prompts, in this order:" + "".join(lines) if lines else ""


def _has(columns: Collection[str], layout: Layout) -> bool:
    return {column.casefold() for column in layout.columns} <= {column.casefold() for column in columns}


def _has_values(records: Sequence[Record], layout: Layout) -> bool:
    if layout.values is None:
        return True
    field, possible = layout.values
    return all(record.compared(field) in possible for record in records)
