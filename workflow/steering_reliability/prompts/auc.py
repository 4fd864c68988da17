"""How sure one can be of an area under the ROC curve."""

from collections.abc import Callable

_Z95 = 1.959964


def auc_interval(auc: float, *, n_a: int, n_b: int) -> tuple[float, float]:
    """95% score interval of an AUC; unlike DeLong's it keeps its width at 1.

    Args:
        auc: The observed area, 0 to 1.
        n_a: Cases of one class.
        n_b: Cases of the other.

    Returns:
        Low and high: the areas t with |auc - t| = 1.96 SE(t). Source: Newcombe (2006), Statistics in Medicine
        25:559-573, method 5, which modifies the standard error of Hanley and McNeil (1982).
        It takes scores as independent: with cross-validated scores, or prompts that share a template, it is too narrow.
    """
    spread = (n_a + n_b) / 2 - 1

    def is_rejected(area: float) -> bool:
        variance = area * (1 - area) / (n_a * n_b)
        variance *= 1 + spread * (1 - area) / (2 - area) + spread * area / (1 + area)
        return (auc - area) ** 2 > _Z95**2 * variance

    return _boundary(is_rejected, outside=0.0, inside=auc), _boundary(is_rejected, outside=1.0, inside=auc)


def _boundary(is_rejected: Callable[[float], bool], *, outside: float, inside: float) -> float:
    for _ in range(60):
        middle = (outside + inside) / 2
        outside, inside = (middle, inside) if is_rejected(middle) else (outside, middle)
    return (outside + inside) / 2
