"""A claim that a rate changes: of refusal, of helpful answers, or from layer to layer."""

from collections.abc import Mapping
from typing import Any, Final

from steering_reliability.claims.claim import Claim, intervals, is_shown, no_interval, numbers_of, p_text
from steering_reliability.text.numbers import count_of, signed

_WORDS: Final = {
    "effect": {
        "raises": "Steering raises refusal on harm_test",
        "lowers": "Steering lowers refusal on harm_test",
        "": "The data cannot tell whether steering changes refusal on harm_test",
        "no data": "Whether steering changes refusal on harm_test is not known",
    },
    "trade-off": {
        "lowers": "There is a trade-off: steering lowers the share of benign prompts that are answered helpfully",
        "raises": "Steering raises the share of benign prompts that are answered helpfully",
        "": "The data cannot tell whether steering costs helpfulness",
        "no data": "Whether steering costs helpfulness is not known",
    },
    "layer": {
        "raises": "Layers differ: the first gives more refusal on harm_test",
        "lowers": "Layers differ: the first gives less refusal on harm_test",
        "": "The data cannot tell the layers apart",
        "no data": "Whether layers differ is not known",
    },
}


def change_claim(name: str, found: Mapping[str, Any], *, split: str, chosen_by_p: bool = False) -> Claim:
    """Claim that a rate changes.

    Args:
        name: Of the claim; its first word says which words are used.
        found: A row of `paired_tests` or `layer_differences` with p_corrected; empty where there is none.
        split: What must have completions, named where it has none.
        chosen_by_p: Whether the row was chosen by this p, so that no interval for other styles is given.
    """
    words = next(words for start, words in _WORDS.items() if name.startswith(start))
    n = int(found.get("n", 0))
    claim = {
        **{"claim": name, "n": n, "n_clusters": int(found.get("n_clusters", 0))},
        **numbers_of(found, "difference", chosen_by_p=chosen_by_p),
    }
    if n == 0:
        return {
            **claim,
            "verdict": "no data",
            "finding": "",
            "sentence": f"{words['no data']}: {_missing(name, split)}.",
        }
    shown = is_shown(found)
    finding = ("raises" if found["difference"] > 0 else "lowers") if shown else ""
    before = f"{count_of(found['before'], n)} to {count_of(found['after'], n)}, " if "before" in found else ""
    reason = no_interval(found)
    tested = reason or f"{intervals(found, styles=not chosen_by_p)}; corrected p {p_text(found)}"
    sentence = f"{words[finding]}: {before}{signed(found['difference'])} points ({tested})."
    if "before_any" in found and (found["before_any"], found["after_any"]) != (found["before"], found["after"]):
        any_text = f"{count_of(found['before_any'], n)} to {count_of(found['after_any'], n)}"
        sentence += f" Degenerate text included it is {any_text}."
    return {**claim, "verdict": "shown" if shown else "cannot tell", "finding": finding, "sentence": sentence}


def _missing(name: str, split: str) -> str:
    if name.startswith("layer"):
        return "no two layers were steered at one strength"
    return f"there is no steered point with completions of harm_train and benign to be chosen by, or none of {split}"
