"""What an alpha comes to along a direction; imports no torch, since `aggregate` needs it too."""

from collections.abc import Mapping
from typing import Any, Final

_LENGTHS: Final = {"resid_norm": "resid_norm", "unit": "vector_norm", "difference": "norm_before_normalizing"}
_SHARES: Final = ("ablate", "ablate_affine")


def coefficient_of(record: Mapping[str, Any], *, alpha: float, intervention: str, unit: str) -> float:
    """The length that an intervention adds or clamps to, in units of the residual stream; of an ablation, the share.

    Args:
        record: The numbers of a direction, as its `.json` holds them.
        alpha: Strength as in the config.
        intervention: `add`, `add_keep_norm`, `clamp`, `ablate` or `ablate_affine`.
        unit: What the alpha of a length counts in: `resid_norm` (mean length of the residual stream without outlier
            dimensions), `unit` (length of the stored vector) or `difference` (length of the measured mean difference,
            or of the user's vector as it was given). An ablation's alpha is a share and has no unit.
    """
    return alpha if intervention in _SHARES else alpha * float(record[_LENGTHS[unit]])
