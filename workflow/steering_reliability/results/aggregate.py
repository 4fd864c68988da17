"""Gather the shards of a run into results.parquet, scored, with the baseline repeated under every condition."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from steering_reliability.files import atomic_write, write_text
from steering_reliability.metrics.scorer import Scorer
from steering_reliability.prompts.reading import read_prompts
from steering_reliability.prompts.schema import UNKNOWN, Prompt
from steering_reliability.prompts.similarity import cluster_prompts
from steering_reliability.prompts.subset import choose_direction_set
from steering_reliability.results.condition import ScoredCondition
from steering_reliability.results.schema import GRID_ROLES, RESULTS_SCHEMA, SPLITS
from steering_reliability.results.scoring import length_for_full_mark, median_base_logprob, score_row
from steering_reliability.results.shards import Key, ShardRow, check_keys, complete_keys, read_shard

_ROWS_PER_GROUP: Final = 4096


def aggregate(
    conditions: Sequence[Mapping[str, Any]],
    *,
    baseline: Mapping[int, Mapping[str, Path | str]],
    prompts: Mapping[str, Path | str],
    output: Path,
    baseline_log_dir: Path,
    max_new_tokens: int | None = None,
    built_from: Mapping[str, float] = MappingProxyType({}),
    cluster_field: str = "template",
    scorer: Scorer | None = None,
) -> None:
    """Write results.parquet and the baseline log of a run.

    The same inputs give the same bytes, in whatever order they are passed. Shards are read one at a time, so memory
    does not grow with their number.

    Args:
        conditions: One mapping per steered condition with the fields of `ScoredCondition`.
        baseline: Seed to split to the shard without intervention.
        prompts: Split to the run's prepared prompts.
        output: results.parquet.
        baseline_log_dir: Folder for baseline_{split}.jsonl, the completions of the study's own seed.
        max_new_tokens: The run's limit; a shorter one lowers the length that counts as a full answer.
        built_from: Split to the share of its prompts that the direction was made of; splits left out gave none.
        cluster_field: Key of meta whose prompts are alike, as in `cluster_prompts`.
        scorer: A refusal score in place of the phrase rules.

    Raises:
        InputError: A shard is missing or damaged; the message names file and line. No results are written then.
    """
    ordered = sorted((ScoredCondition(**condition) for condition in conditions), key=lambda c: (c.curve, c.alpha))
    texts = {split: {one.id: one for one in read_prompts(Path(path), split=split)} for split, path in prompts.items()}
    run = _Run(
        prompts=texts,
        builders={
            split: choose_direction_set(list(texts[split].values()), fraction=share)
            for split, share in built_from.items()
        },
        clusters={split: cluster_prompts(list(part.values()), field=cluster_field) for split, part in texts.items()},
        baselines={},
        full_length=length_for_full_mark(max_new_tokens),
        scorer=scorer,
    )
    main_seeds = {c.seed for c in ordered if c.role in GRID_ROLES} or set(baseline)
    for seed, shards in baseline.items():
        for split, path in shards.items():
            # The seed of a check runs on a subset of the prompts, the study on all of them.
            run.baselines[seed, split] = run.read_baseline(Path(path), seed, split, is_subset=seed not in main_seeds)
    curves = (run.curve(list(curve)) for _, curve in groupby(ordered, key=lambda c: c.curve))
    write_results(chain.from_iterable(chain.from_iterable(curves)), output)
    for split in _in_order(prompts):
        known = [run.baselines[seed, split] for seed in sorted(main_seeds) if (seed, split) in run.baselines]
        _write_log(baseline_log_dir / f"baseline_{split}.jsonl", (row for one in known for row in one.rows.values()))


def write_results(rows: Iterable[ShardRow], path: Path) -> None:
    """Write results.parquet in groups of a fixed size, so that neither memory nor bytes depend on how rows arrive.

    Other keys than the columns of `RESULTS_SCHEMA` are left out; the file is written whole or not at all.
    """
    stream = iter(rows)
    # Every setting that shapes the bytes is given, so that a new default of pyarrow changes nothing.
    settings: dict[str, Any] = {"version": "2.6", "compression": "zstd", "compression_level": 3, "use_dictionary": True}
    with atomic_write(path) as scratch, pq.ParquetWriter(scratch, RESULTS_SCHEMA, **settings) as writer:
        while group := list(islice(stream, _ROWS_PER_GROUP)):
            columns = {
                field.name: pa.array([row[field.name] for row in group], type=field.type, from_pandas=True)
                for field in RESULTS_SCHEMA
            }
            writer.write_table(pa.Table.from_pydict(columns, schema=RESULTS_SCHEMA))


@dataclass(frozen=True)
class _Baseline:
    """The unsteered completions of one split and seed, scored, with the median of their base_logprob (nats)."""

    rows: dict[Key, ShardRow]
    base_logprob: float


@dataclass(frozen=True)
class _Run:
    """What every shard of a run is read and scored against."""

    prompts: Mapping[str, dict[str, Prompt]]
    builders: Mapping[str, set[str]]
    clusters: Mapping[str, dict[str, str]]
    baselines: dict[tuple[int, str], _Baseline]
    full_length: int
    scorer: Scorer | None = None

    def read_baseline(self, path: Path, seed: int, split: str, *, is_subset: bool) -> _Baseline:
        condition = {"direction": None, "intervention": None, "layer": None, "alpha": 0.0, "split": split, "seed": seed}
        rows = read_shard(path, condition=condition, prompts=self.prompts[split])
        ids = {key[0] for key in rows} if is_subset else self.prompts[split].keys()
        check_keys(rows, expected=complete_keys(rows, ids=ids), path=path)
        median_logprob = median_base_logprob(rows.values())
        return _Baseline({key: self.scored(row, split, median_logprob) for key, row in rows.items()}, median_logprob)

    def curve(self, conditions: Sequence[ScoredCondition]) -> Iterator[list[ShardRow]]:
        """Yield the completions of one dose-response curve by alpha, the baseline in its place at 0."""
        keys = self.keys(conditions)
        below = [condition for condition in conditions if condition.alpha < 0]
        for condition in below:
            yield from self.steered(condition, keys)
        yield from self.repeated(conditions[0], keys)
        for condition in conditions[len(below) :]:
            yield from self.steered(condition, keys)

    def keys(self, conditions: Sequence[ScoredCondition]) -> dict[str, set[Key]]:
        """Return, per split, the completions that each shard of a curve must hold.

        The study and its other methods cover every prompt. A check may cover some: then its first shard says which,
        and the others agree.
        """
        keys: dict[str, set[Key]] = {}
        for condition in conditions:
            for split in _in_order(condition.shards.keys() - keys.keys()):
                whole = self.baselines[condition.seed, split].rows.keys()
                is_whole = condition.role in GRID_ROLES
                ids = None if is_whole else {key[0] for key in self.read(condition, split)}
                keys[split] = {key for key in whole if ids is None or key[0] in ids}
        return keys

    def read(self, condition: ScoredCondition, split: str) -> dict[Key, ShardRow]:
        names = ("direction", "intervention", "layer", "alpha", "seed")
        expected = {"split": split, **{name: getattr(condition, name) for name in names}}
        return read_shard(Path(condition.shards[split]), condition=expected, prompts=self.prompts[split])

    def steered(self, condition: ScoredCondition, keys: Mapping[str, set[Key]]) -> Iterator[list[ShardRow]]:
        added = {
            "role": condition.role,
            "coefficient": float(condition.coefficient),
            "relative_strength": condition.relative_strength,
            "from_baseline": False,
        }
        for split in _in_order(condition.shards):
            rows = self.read(condition, split)
            check_keys(rows, expected=keys[split], path=Path(condition.shards[split]))
            median_logprob = self.baselines[condition.seed, split].base_logprob
            yield [{**self.scored(row, split, median_logprob), **added} for row in rows.values()]

    def repeated(self, condition: ScoredCondition, keys: Mapping[str, set[Key]]) -> Iterator[list[ShardRow]]:
        point = {name: getattr(condition, name) for name in ("role", "direction", "intervention", "layer")}
        zero = {"alpha": 0.0, "coefficient": 0.0, "relative_strength": 0.0, "from_baseline": True}
        for split in _in_order(keys):
            rows = self.baselines[condition.seed, split].rows
            yield [{**row, **point, **zero} for key, row in rows.items() if key in keys[split]]

    def scored(self, row: ShardRow, split: str, median_logprob: float) -> ShardRow:
        prompt = self.prompts[split][row["id"]]
        scores = score_row(row, baseline_base_logprob=median_logprob, full_length=self.full_length, scorer=self.scorer)
        builds = row["id"] in self.builders.get(split, ())
        named = {"family": prompt.family, "style": prompt.style}
        labels = {name: None if value == UNKNOWN else value for name, value in named.items()}
        labels["cluster"] = self.clusters[split][prompt.id]
        return {**row, **labels, "builds_direction": builds, **scores}


def _in_order(splits: Iterable[str]) -> list[str]:
    return sorted(splits, key=SPLITS.index)


def _write_log(path: Path, rows: Iterable[ShardRow]) -> None:
    lines = []
    for row in rows:
        plain = {name: None if value != value else value for name, value in row.items()}  # noqa: PLR0124 (NaN)
        lines.append(json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n")
    write_text(path, "".join(lines))
