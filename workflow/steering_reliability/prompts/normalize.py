"""The form in which texts of different prompts are compared."""

import unicodedata

_SENTENCE_MARKS = dict.fromkeys(map(ord, ".,;:!?'\"()[]-–—…‘’“”"), " ")


def normalize_text(text: str) -> str:
    """Case, sentence marks, Unicode forms and white space taken out: the form in which splits are compared.

    Marks that carry meaning in code ("C++", "a == b") stay.

    Args:
        text: A prompt.

    Returns:
        The normalized text; text of nothing but sentence marks comes back as it is.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(plain.translate(_SENTENCE_MARKS).split()) or plain.strip()
