"""A completion ends where a stop string does, and keeps what comes before it."""

from dataclasses import replace

import pytest
from some_rows import everything, make_row
from steering_reliability.generation.engine import Engine
from steering_reliability.generation.stop_strings import ends_with_stop, kept_text

SPECIAL = 6


class Spelled:
    """A tokenizer whose tokens are the strings of a list."""

    words = ("Yes", ", ok</", "s>", " and", "</s", ">", "<|user|>", "user")

    def decode(self, tokens, *, skip_special_tokens):
        return "".join(self.words[token] for token in tokens if not (skip_special_tokens and token == SPECIAL))


@pytest.mark.parametrize(
    ("tokens", "stops", "expected"),
    [
        ([0, 1], ["</s>"], False),
        ([0, 1, 2], ["</s>"], True),
        ([0, 4, 5], ["</s>"], True),
        ([0, 1, 2], ["no", "</s>"], True),
        ([0, 1, 2], [], False),
        ([0], ["Yes"], True),
    ],
)
def test_a_stop_may_be_spelled_in_several_tokens(tokens, stops, expected):
    assert ends_with_stop(tokens, stops=stops, tokenizer=Spelled()) is expected


@pytest.mark.parametrize(
    ("tokens", "stops", "expected"),
    [
        ([0, 1, 2], ["</s>"], ("Yes, ok", 2)),
        ([0, 4, 5], ["</s>"], ("Yes", 1)),
        ([0, 3], ["</s>"], ("Yes and", 2)),
        ([0, 1, 2], ["ok", "</s>"], ("Yes, ", 2)),
        ([4, 5], ["</s>"], ("", 0)),
        # A stop that has a special token in it leaves nothing of itself, although the text shows no special tokens.
        ([0, 6, 7], ["<|user|>user"], ("Yes", 1)),
        ([0, 3, 6], ["and<|user|>"], ("Yes ", 2)),
        ([0, 6], ["<|user|>"], ("Yes", 1)),
    ],
)
def test_what_comes_before_is_kept_and_counted_in_tokens(tokens, stops, expected):
    assert kept_text(tokens, stops=stops, tokenizer=Spelled()) == expected


def test_the_engine_stops_where_the_text_does_and_nowhere_else(tiny_model):
    row = make_row(tiny_model, "Tell me of it.", new_tokens=12, temperature=1.0)
    (whole,) = Engine(tiny_model, hook_point="resid_post", max_rows=8).generate([row])
    text = tiny_model.tokenizer.decode(whole.tokens[3:6])
    (stopped,) = Engine(tiny_model, hook_point="resid_post", max_rows=8).generate([replace(row, stop_strings=(text,))])
    assert stopped.finish_reason == "eos"
    assert stopped.tokens == whole.tokens[: len(stopped.tokens)]
    spelled = tiny_model.tokenizer.decode(stopped.tokens, skip_special_tokens=False)
    assert text in spelled
    assert text not in tiny_model.tokenizer.decode(stopped.tokens[:-1], skip_special_tokens=False)
    (other,) = Engine(tiny_model, hook_point="resid_post", max_rows=8).generate(
        [replace(row, stop_strings=("not written by it",))]
    )
    assert everything(other) == everything(whole)
