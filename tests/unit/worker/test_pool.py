"""How many workers a run has, and which prompts each of them writes for."""

import pytest
from some_rows import make_request
from steering_reliability.errors import InputError
from steering_reliability.worker.pool import choose_served, choose_workers, merge, split

GIB = 1 << 30


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("n", [1, 2, 5, 6])
def test_what_is_split_is_merged_in_its_order(workers, samples, n):
    parts = split(make_request([str(prompt) for prompt in range(n)], seed=4), workers=workers)
    assert all(part.seed == 4 for part in parts)
    written = [[(prompt, sample) for prompt in part.prompts for sample in range(samples)] for part in parts]
    merged = merge([rows for rows in written if rows], samples=samples)
    assert merged == [((f"p{at}", str(at)), sample) for at in range(n) for sample in range(samples)]


def test_a_prompt_is_always_written_by_the_same_worker():
    whole, fewer = (split(make_request(list(texts)), workers=2) for texts in ("abcdef", "abc"))
    for few, all_of_them in zip(fewer, whole, strict=True):
        assert set(few.prompts) <= set(all_of_them.prompts)


@pytest.mark.parametrize(
    ("wanted", "device", "memory", "cores", "workers"),
    [
        (None, "cpu", 2 * GIB, 4, 2),
        # The second model must leave half of the memory.
        (None, "cpu", 2 * GIB - 1, 4, 1),
        (5, "cpu", GIB, 4, 5),
        (None, "mps", 2 * GIB, 4, 1),
        (None, "cpu", 8 * GIB, 1, 1),
    ],
)
def test_the_number_of_workers(tmp_path, monkeypatch, wanted, device, memory, cores, workers):
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(GIB)
    monkeypatch.setattr("steering_reliability.worker.pool.cores", lambda: cores)
    assert choose_workers(wanted, device=device, model=tmp_path, memory=memory) == workers


@pytest.mark.parametrize(
    ("wanted", "gpus", "group", "workers"),
    [(None, 0, 1, 1), (None, 0, 2, 1), (None, 8, 2, 4), (1, 8, 2, 1), (2, 0, 1, 2)],
)
def test_vllm_has_one_engine_for_each_group_of_gpus(monkeypatch, wanted, gpus, group, workers):
    monkeypatch.setattr("steering_reliability.worker.pool.visible_gpus", lambda: gpus)
    assert choose_served(wanted, group=group) == workers


@pytest.mark.parametrize(("wanted", "gpus", "group"), [(None, 1, 2), (3, 4, 2)])
def test_too_few_gpus_for_a_group_are_refused(monkeypatch, wanted, gpus, group):
    monkeypatch.setattr("steering_reliability.worker.pool.visible_gpus", lambda: gpus)
    with pytest.raises(InputError, match=f"{gpus} GPUs are visible, too few for {wanted or 1} engine"):
        choose_served(wanted, group=group)
