"""What was measured of the shift between the two sets of harmful prompts, in the one sentence that every place says."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pandas as pd

_CHANCE: Final = 0.5


def shift_sentence(shift: "pd.DataFrame") -> str:
    """Say whether harm_test was found to be shifted from harm_train; nothing else may call its prompts shifted.

    It was where a classifier tells their words apart: where the 95% interval of `bow_auc` lies above chance.

    Args:
        shift: From `measure_shift`, or shift.csv read back.
    """
    pair = (shift["split_a"] == "harm_train") & (shift["split_b"] == "harm_test")
    measured = shift[pair & (shift["measure"] == "bow_auc") & (shift["n"] > 0)]
    if measured.empty:
        return "Whether harm_test is shifted from harm_train is unchecked: too few topics to train a classifier on."
    auc, low, high, n = (measured.iloc[0][name] for name in ("value", "low", "high", "n"))
    area = f"AUC {auc:.2f}, 95% interval {low:.2f} to {high:.2f}, {_CHANCE} is chance, n = {int(n)}"
    if low > _CHANCE:
        return f"harm_test is shifted from harm_train: a classifier tells their words apart ({area})."
    return (
        f"No shift was found between harm_train and harm_test: a classifier does not tell their words apart ({area})."
    )
