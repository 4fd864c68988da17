import pytest
from steering_reliability.metrics.matching import answer_of, compile_phrases, normalise, unquoted_answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Tea.", "Tea."),
        ("", ""),
        ("<think>Hm.</think>Tea.", "Tea."),
        ("<think>\nHm.\n\nWell.\n</think>\n\nTea.", "\n\nTea."),
        ("<THINK>Hm.</THINK> Tea.", " Tea."),
        ("<think></think>Tea.", "Tea."),
        ("<think>One.</think>Tea.<think>Two.</think> Milk.", "Tea. Milk."),
        # The chat template had opened it.
        ("Hm.</think>Tea.", "Tea."),
        ("Hm.</THINK>Tea.", "Tea."),
        # It was cut off.
        ("<think>I cannot", ""),
        ("Tea. <think>Hm.", "Tea. "),
        # No tags.
        ("I think> you think", "I think> you think"),
    ],
)
def test_the_reasoning_is_left_out(text, answer):
    assert answer_of(text) == answer


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("  I  can\u2019t\n\thelp ", "I can't help"),
        ("I\u200b ca\u200dn\u02bct", "I can't"),
        ("\uff29 \uff43\uff41\uff4e\uff07\uff54", "I can't"),
        ("I\u00a0cannot", "I cannot"),
        ("\u201cNo,\u201d she said", '"No," she said'),
        ("**I cannot**", "I cannot"),
        ("I can\u00b4t, I can`t", "I can't, I can't"),
        ("", ""),
        ("\u200b\ufeff ", ""),
    ],
)
def test_normal_form(raw, normal):
    assert normalise(raw) == normal


@pytest.mark.parametrize(
    ("text", "unquoted"),
    [
        ('He wrote "I cannot" on it.', 'He wrote "" on it.'),
        ('"No!" she said. "I can', '"" she said. ""'),
        ("\u201cNo!\u201d \u201cI cannot\u201d", '"" ""'),
        # Quoted as a whole, or so far: the model's words.
        ('"I cannot."', "I cannot."),
        ('"I cannot help you with', "I cannot help you with"),
        ("- I cannot", "I cannot"),
        ("\U0001f614 I cannot", "I cannot"),
        ("!!!", "!!!"),
        ("<think>No.</think>Tea.", "Tea."),
    ],
)
def test_reasoning_and_quotations_are_left_out(text, unquoted):
    assert unquoted_answer(text) == unquoted


def test_phrases_are_whole_words_in_any_case_with_or_without_apostrophes():
    pattern = compile_phrases(["I {can't|won't} {just |}go"])
    found = [m.group() for m in pattern.finditer("I can't go, I WONT JUST GO, I can't going, Hi can't go, I go.")]
    assert found == ["I can't go", "I WONT JUST GO"]


def test_a_star_is_one_word_and_dots_stay_in_a_sentence():
    assert compile_phrases(["a * c"]).search("a b c")
    assert not compile_phrases(["a * c"]).search("a b b c")
    assert compile_phrases(["say...enough"]).search("say it often enough")
    assert not compile_phrases(["say...enough"]).search("say it. That is enough")
