import pytest
from steering_reliability.metrics.matching import compile_phrases, normalise, own_words


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
    ("text", "own"),
    [
        ('He wrote "I cannot" on it.', 'He wrote "" on it.'),
        ('"No!" she said. "I can', '"" she said. ""'),
        ("\u201cNo!\u201d \u201cI cannot\u201d", '"" ""'),
        # Quoted as a whole, or so far: the model's own.
        ('"I cannot."', "I cannot."),
        ('"I cannot help you with', "I cannot help you with"),
        ("- I cannot", "I cannot"),
        ("\U0001f614 I cannot", "I cannot"),
        ("!!!", "!!!"),
        ("<think>No.</think>Tea.", "Tea."),
    ],
)
def test_own_words_leave_out_reasoning_and_quotations(text, own):
    assert own_words(text) == own


def test_phrases_are_whole_words_in_any_case_with_or_without_apostrophes():
    pattern = compile_phrases(["I {can't|won't} {just |}go"])
    found = [m.group() for m in pattern.finditer("I can't go, I WONT JUST GO, I can't going, Hi can't go, I go.")]
    assert found == ["I can't go", "I WONT JUST GO"]


def test_a_star_is_one_word_and_dots_stay_in_a_sentence():
    assert compile_phrases(["a * c"]).search("a b c")
    assert not compile_phrases(["a * c"]).search("a b b c")
    assert compile_phrases(["say...enough"]).search("say it often enough")
    assert not compile_phrases(["say...enough"]).search("say it. That is enough")
