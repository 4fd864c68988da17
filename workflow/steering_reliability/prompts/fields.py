"""What is acceptable as an id, a prompt or a label: the rules that a prompts file and an ingested file share."""

import unicodedata

_MAX_ID = 200


def fault_in_id(value: str) -> str | None:
    """What is wrong with an id, or None: it names rows in shards and tables, so it must be safe there.

    Args:
        value: The id.

    Returns:
        A short phrase, or None if nothing is wrong.
    """
    if value != value.strip():
        return "has spaces around it"
    if len(value) > _MAX_ID:
        return f"has {len(value)} characters, {_MAX_ID} are allowed"
    if "/" in value or "\\" in value or value in {".", ".."}:
        return f"{value!r} looks like a path"
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in value):
        return f"{value!r} contains control characters"
    return fault_in_text(value)


def fault_in_text(value: str) -> str | None:
    """What is wrong with a piece of text, or None: it must have content that a tokenizer and a file can take.

    Args:
        value: The text.

    Returns:
        A short phrase, or None if nothing is wrong.
    """
    if not value.strip():
        return "is empty"
    if any(unicodedata.category(character) == "Cc" and character not in "\n\r\t" for character in value):
        return "contains control characters"
    if any("\ud800" <= character <= "\udfff" for character in value):
        return "contains half of a surrogate pair, which is not a character"
    return None


def collapse_space(text: str) -> str:
    """Unicode NFC with every run of white space as one space: the form in which duplicates are looked for."""
    return " ".join(unicodedata.normalize("NFC", text).split())
