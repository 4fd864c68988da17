import numpy as np
import pandas as pd
import pytest
from steering_reliability.results.baseline_pairs import CELLS, pair_with_baseline
from synthetic_run import completion


def test_each_pair_is_in_one_cell():
    before, after = [True, False, True, False], [True, True, False, False]
    rows = [completion("benign", index, refused=refused) for index, refused in enumerate(before)]
    rows += [completion("benign", index, refused=refused, alpha=0.5) for index, refused in enumerate(after)]
    paired = pair_with_baseline(pd.DataFrame(rows), outcomes=["is_refusal"])
    cells = paired.loc[paired["alpha"] == 0.5, [f"is_refusal_{cell}" for cell in CELLS]]
    assert cells.to_numpy().tolist() == np.eye(4).tolist()
    assert paired["is_refusal"].tolist() == [1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0]


def test_two_baselines_of_one_completion_are_refused():
    rows = [completion("benign", 0, refused=False)] * 2
    with pytest.raises(pd.errors.MergeError):
        pair_with_baseline(pd.DataFrame(rows), outcomes=["is_refusal"])
