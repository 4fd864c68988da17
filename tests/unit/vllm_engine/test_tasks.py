"""Which tokens of a step a task is about, by hand."""

from types import SimpleNamespace

from steering_reliability.vllm_engine.tasks import KEY, Part, Task, parts_of, task_of


def test_requests_stand_one_behind_the_other_and_those_of_others_are_left_out():
    ours, other = Task("ours"), Task("other")
    assert parts_of([ours, None, other], computed=[0, 7, 4], scheduled=[3, 5, 1]) == [
        Part(ours, range(3), 0),
        Part(other, range(8, 9), 4),
    ]


def test_a_span_is_found_in_whatever_piece_of_the_request_is_read():
    part = Part(Task("a"), rows=range(10, 15), position=4)
    # Tokens 4 to 8 stand in rows 10 to 14.
    assert list(part.between(0, None)) == [10, 11, 12, 13, 14]
    assert list(part.between(6, 8)) == [12, 13]
    assert list(part.between(8, None)) == [14]
    assert list(part.between(0, 5)) == [10]
    for first, end in ((9, None), (0, 4), (20, 22)):
        assert list(part.between(first, end)) == []


def test_a_task_travels_with_the_sampling_parameters():
    task = Task("a")
    assert task_of(SimpleNamespace(extra_args={KEY: task})) is task
    assert task_of(SimpleNamespace(extra_args=None)) is None
    assert task_of(None) is None
