import json

import pytest
from steering_reliability.errors import InputError
from steering_reliability.results.aggregate import aggregate
from steering_reliability.results.schema import SPLITS, read_results
from synthetic_run import HELP, REFUSAL

IDS = ("a", "b", "c")
POINT = {"direction": "v", "intervention": "add", "layer": "3"}


def shard_row(split, prompt_id, text, *, sample=0, **condition):
    usual = {"direction": None, "intervention": None, "layer": None, "alpha": 0.0, "seed": 0}
    return {
        "id": prompt_id, "split": split, "sample": sample, "prompt": f"{split} {prompt_id}?", "completion": text,
        "n_tokens": 30, "finish_reason": "eos", "mean_logprob": -0.5, "mean_entropy": 1.0, "first_token_kl": 0.0,
        "refusal_propensity": -1.5,
        "base_logprob": -1.0, **usual, **condition,
    }  # fmt: skip


class Run:
    """A run on disk: three prompts per split, a baseline, and what a test adds."""

    def __init__(self, folder):
        self.folder = folder
        self.conditions = []
        self.prompts, baseline = {}, {}
        for split in SPLITS:
            prompts = [
                {"id": i, "prompt": f"{split} {i}?", "meta": {"family": "fraud", "style": "direct"}} for i in IDS
            ]
            self.prompts[split] = self.lines(f"prompts/{split}.jsonl", prompts)
            baseline[split] = self.lines(f"baseline/{split}.jsonl", [shard_row(split, i, HELP) for i in IDS])
        self.baseline = {0: baseline}

    def lines(self, name, rows):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        return path

    def steer(self, alpha, text=REFUSAL, *, role="main", seed=0, ids=IDS, splits=SPLITS, **point):
        keys = {**POINT, **point, "alpha": alpha, "seed": seed}
        folder = f"{role}/{keys['direction']}/{keys['intervention']}/{keys['layer']}/{alpha}/{seed}"
        shards = {
            split: self.lines(f"{folder}/{split}.jsonl", [shard_row(split, i, text, **keys) for i in ids])
            for split in splits
        }
        self.conditions.append(
            {"role": role, **keys, "coefficient": 40 * alpha, "relative_strength": alpha, "shards": shards}
        )
        return shards

    def aggregate(self, **options):
        aggregate(
            self.conditions, baseline=self.baseline, prompts=self.prompts, output=self.folder / "results.parquet",
            baseline_log_dir=self.folder / "runs", **options,
        )  # fmt: skip
        return read_results(self.folder / "results.parquet")


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def test_rows_are_scored_and_the_baseline_stands_between_the_strengths(run):
    run.steer(0.5)
    run.steer(-0.5, HELP)
    results = run.aggregate()
    assert results["alpha"].tolist() == [-0.5] * 9 + [0.0] * 9 + [0.5] * 9
    assert results["split"].tolist() == [split for _ in range(3) for split in SPLITS for _ in IDS]
    assert results["is_refusal"].tolist() == [False] * 18 + [True] * 9
    assert results["from_baseline"].tolist() == [False] * 9 + [True] * 9 + [False] * 9
    assert results["relative_strength"].tolist() == [-0.5] * 9 + [0.0] * 9 + [0.5] * 9
    assert set(results["direction"]) == {"v"}
    assert set(results["family"]) == {"fraud"}
    assert "sorry" in " ".join(results["matched_phrases"].iloc[-1])


def test_text_unlikely_under_the_unsteered_model_is_degenerate(run):
    run.steer(0.5, HELP)
    path = run.conditions[0]["shards"]["benign"]
    path.write_text(path.read_text().replace('"base_logprob": -1.0', '"base_logprob": -9.0'))
    results = run.aggregate()
    assert results[results["is_degenerate"]]["split"].tolist() == ["benign"] * 3


def meta_of(run, split, **metas):
    """Give the prompts of a split other meta."""
    rows = [{"id": i, "prompt": f"{split} {i}?", "meta": {"style": "direct"} | metas.get(i, {})} for i in IDS]
    run.lines(f"prompts/{split}.jsonl", rows)


def test_prompts_of_one_template_are_one_cluster_in_their_split(run):
    meta_of(run, "harm_test", a={"template": "t1"}, b={"template": "t2"}, c={"template": "t1"})
    meta_of(run, "benign", a={"template": "t1"}, b={"topic": 3}, c={"topic": 3})
    run.steer(0.5)
    clusters = run.aggregate().drop_duplicates(["split", "id"]).groupby("split")["cluster"].agg(list)
    assert clusters.to_dict() == {
        "harm_train": ["a", "b", "c"],
        "harm_test": ["a", "b", "a"],
        "benign": ["a", "b", "c"],
    }
    clusters = (
        run.aggregate(cluster_field="topic").drop_duplicates(["split", "id"]).groupby("split")["cluster"].agg(list)
    )
    assert clusters["harm_test"] == ["a", "b", "c"]
    assert clusters["benign"] == ["a", "b", "b"]


def test_a_style_or_family_that_a_prompt_does_not_say_is_missing(run):
    meta_of(run, "harm_test", a={"style": "unknown"}, b={"family": "unknown"}, c={"family": "fraud"})
    run.steer(0.5)
    results = run.aggregate().query("split == 'harm_test'").drop_duplicates("id").set_index("id")
    assert results["style"].isna().tolist() == [True, False, False]
    assert results["family"].isna().tolist() == [True, True, False]


def test_every_completion_of_a_prompt_has_its_cluster(run):
    meta_of(run, "harm_test", a={"template": "t"}, b={"template": "t"}, c={"template": "t"})
    run.steer(0.5)
    run.steer(0.5, role="random", direction="random", ids=("b", "c"), splits=("harm_test",))
    results = run.aggregate()
    # The first prompt names the cluster, whether a check wrote to it or not.
    assert set(results.loc[results["split"] == "harm_test", "cluster"]) == {"a"}


def test_a_scorer_of_ones_own_leaves_the_opening_rule_and_what_rests_on_it(run):
    run.steer(0.5)
    results = run.aggregate(scorer=lambda prompt, text: 0.9 if text == HELP else 0.1)
    steered = results["alpha"] > 0
    assert results["is_refusal"].tolist() == (~steered).tolist()
    assert results["opens_with_refusal"].tolist() == steered.tolist()
    assert results["is_helpful_by_opening"].tolist() == (~steered).tolist()
    assert not results.loc[~steered, "is_helpful"].any()


def test_the_order_of_the_inputs_does_not_change_the_bytes(run):
    for alpha in (0.5, 1.0, -1.0):
        run.steer(alpha)
    run.steer(0.5, role="random", direction="random")
    run.aggregate()
    first = (run.folder / "results.parquet").read_bytes()
    run.conditions.reverse()
    run.prompts = dict(reversed(run.prompts.items()))
    run.aggregate()
    assert (run.folder / "results.parquet").read_bytes() == first


def test_a_check_on_fewer_prompts_repeats_only_their_baseline(run):
    run.steer(0.5)
    keys = {"alpha": 0.0, "seed": 7}
    run.baseline[7] = {"harm_test": run.lines("seven.jsonl", [shard_row("harm_test", i, HELP, **keys) for i in "ab"])}
    run.steer(0.5, role="alt_seed", seed=7, ids=("b",), splits=("harm_test",))
    results = run.aggregate()
    check = results[results["role"] == "alt_seed"]
    assert list(zip(check["id"], check["alpha"], check["seed"], strict=True)) == [("b", 0.0, 7), ("b", 0.5, 7)]


def test_layers_stand_in_their_order_and_another_method_covers_every_prompt_too(run):
    run.steer(0.5, role="method", direction="pca", layer="10-12")
    for layer in ("all", "10", "10-12", "2"):
        run.steer(0.5, layer=layer)
    results = run.aggregate()
    places = list(dict.fromkeys(zip(results["role"], results["layer"], strict=True)))
    assert places == [*(("main", layer) for layer in ("2", "10", "10-12", "all")), ("method", "10-12")]
    path = run.conditions[0]["shards"]["benign"]
    path.write_text(path.read_text().splitlines(keepends=True)[0])
    with pytest.raises(InputError, match="1 completions instead of 3"):
        run.aggregate()


def test_several_samples_belong_together(run):
    for split, path in run.baseline[0].items():
        run.lines(path.relative_to(run.folder), [shard_row(split, i, HELP, sample=s) for i in IDS for s in (0, 1)])
    shards = run.steer(0.5)
    with pytest.raises(InputError, match="3 completions instead of 6"):
        run.aggregate()
    for split, path in shards.items():
        rows = [shard_row(split, i, HELP, sample=s, **POINT, alpha=0.5) for i in IDS for s in (1, 0)]
        run.lines(path.relative_to(run.folder), rows)
    assert run.aggregate().groupby(["alpha", "split", "id"])["sample"].apply(list).tolist() == [[0, 1]] * 18


def test_the_baseline_log_has_prompt_completion_and_metrics(run):
    run.steer(0.5)
    run.aggregate()
    lines = (run.folder / "runs" / "baseline_benign.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["id"] for row in rows] == list(IDS)
    assert rows[0]["prompt"] == "benign a?"
    assert rows[0]["completion"] == HELP
    assert rows[0]["refusal_label"] == "compliance"
    assert rows[0]["is_helpful"] is True


def test_a_run_that_writes_few_tokens_asks_for_fewer(run):
    def short(split, **keys):
        return [{**shard_row(split, i, "It rains.", **keys), "n_tokens": 6} for i in IDS]

    shards = run.steer(0.5)
    for split in SPLITS:
        run.lines(f"baseline/{split}.jsonl", short(split))
        run.lines(shards[split].relative_to(run.folder), short(split, **POINT, alpha=0.5))
    assert not run.aggregate()["is_helpful"].any()
    assert run.aggregate(max_new_tokens=8)["is_helpful"].all()


def test_a_line_separator_in_a_completion_is_no_new_line(run):
    path = run.steer(0.5)["benign"]
    path.write_text(path.read_text().replace("help", "he\u2028lp"), encoding="utf-8")
    results = run.aggregate()
    assert results["completion"].str.contains("\u2028").sum() == 3


@pytest.mark.parametrize("value", ["null", "-Infinity", "NaN"])
def test_a_number_that_is_none_is_missing_and_not_zero(run, value):
    path = run.steer(0.5)["benign"]
    path.write_text(path.read_text().replace('"mean_entropy": 1.0', f'"mean_entropy": {value}', 1))
    missing = run.aggregate().query("mean_entropy.isna()")
    assert missing[["split", "alpha"]].to_numpy().tolist() == [["benign", 0.5]]


DAMAGE = {
    "cut off": lambda row: json.dumps(row)[:20],
    "not an object": lambda row: "[1]",
    "no entropy": lambda row: json.dumps({key: value for key, value in row.items() if key != "mean_entropy"}),
    "twice": lambda row: json.dumps(row | {"id": "a", "prompt": "benign a?"}),
    **{
        f"other {key}": lambda row, key=key, value=value: json.dumps(row | {key: value})
        for key, value in {
            "alpha": 4.0, "split": "harm_train", "id": "z", "prompt": "Another?", "n_tokens": "many", "sample": True,
            "finish_reason": "tired", "mean_logprob": "low",
        }.items()
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_shard_is_named_by_file_and_line(run, kind):
    path = run.steer(0.5)["benign"]
    first, second, third = path.read_text().splitlines()
    path.write_text("\n".join([first, DAMAGE[kind](json.loads(second)), third]) + "\n")
    with pytest.raises(InputError) as caught:
        run.aggregate()
    assert caught.value.where == f"{path}, line 2"
    assert f"delete {path}" in caught.value.fix
    assert not (run.folder / "results.parquet").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda lines: b"", "0 completions instead of 3"),
        (lambda lines: b"".join(lines[:2]), "2 completions instead of 3"),
        (lambda lines: b"{}\n\xff\xfe\n", "line 2"),
        (None, "missing"),
    ],
)
def test_a_short_binary_or_missing_shard_is_refused(run, content, message):
    path = run.steer(0.5)["benign"]
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content(path.read_bytes().splitlines(keepends=True)))
    with pytest.raises(InputError, match=message):
        run.aggregate()
