"""Several workers of one run: who writes what, and that nobody can see it in the answer."""

import os

import pytest
from steering_reliability.errors import InputError
from steering_reliability.worker.pool import _visible_gpus, choose_workers, divide, joint_error, unite

GIB = 1 << 30


@pytest.fixture
def folder(tmp_path):
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(GIB)
    return tmp_path


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("n", [1, 2, 5, 6])
def test_what_is_divided_is_united_in_its_order(workers, samples, n):
    parts = divide({"prompts": list(range(n)), "seed": 4}, workers=workers)
    assert all(part["seed"] == 4 for part in parts)
    written = [[(prompt, sample) for prompt in part["prompts"] for sample in range(samples)] for part in parts]
    united = unite([rows for rows in written if rows], samples=samples)
    assert united == [(prompt, sample) for prompt in range(n) for sample in range(samples)]


def test_a_prompt_is_always_written_by_the_same_worker():
    whole = divide({"prompts": list("abcdef")}, workers=2)
    fewer = divide({"prompts": list("abc")}, workers=2)
    for few, all_of_them in zip(fewer, whole, strict=True):
        assert set(few["prompts"]) <= set(all_of_them["prompts"])


def test_two_workers_where_the_second_model_leaves_half_of_the_memory(folder, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    assert choose_workers(None, device="cpu", model=folder, memory=2 * GIB) == 2
    assert choose_workers(None, device="cpu", model=folder, memory=2 * GIB - 1) == 1
    assert choose_workers(5, device="cpu", model=folder, memory=GIB) == 5
    assert choose_workers(None, device="mps", model=folder, memory=2 * GIB) == 1


def test_one_core_has_one_worker(folder, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert choose_workers(None, device="cpu", model=folder, memory=8 * GIB) == 1


@pytest.mark.parametrize(("chosen", "seen"), [(None, 3), ("", 0), ("-1", 0), ("1", 1), ("0,2", 2), ("0,1,2,3", 3)])
def test_gpus_are_counted_without_torch(tmp_path, monkeypatch, chosen, seen):
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if chosen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert _visible_gpus(driver=tmp_path) == seen
    assert _visible_gpus(driver=tmp_path / "none") == 0


def test_two_refusals_are_one_message():
    errors = [InputError("a is too long", where="w", fix="f"), InputError("b is too long", where="w", fix="f")]
    assert joint_error(errors).what == "a is too long; b is too long"
    assert joint_error(errors[:1] * 2).what == "a is too long"
