"""The made-up run with controls and with prompts that steering moves differently far."""

from __future__ import annotations

import numpy as np
import pandas as pd
from synthetic_run import realistic_results


def controlled_results() -> pd.DataFrame:
    """Return the made-up run with two random directions, two shuffled ones, and a slope of 8 - 0.25 x prompt number."""
    results = realistic_results()
    number = results["id"].str[-4:].astype(int)
    results["refusal_propensity"] = -3 + results["alpha"] * (8 - 0.25 * number)
    random = results[results["role"] == "random"]
    parts = [results[results["role"] != "random"]]
    for seed in (1, 2):
        parts.append(random.assign(direction=f"random_{seed}"))
        # A tenth or a fifth of the prompts refuse, whatever the model does unsteered.
        refuse = (random["id"].str[-1].astype(int) < seed) & (random["alpha"] > 0)
        shuffled = random.assign(
            role="shuffled", direction=f"shuffled_{seed}", is_refusal=random["is_refusal"] | refuse
        )
        shuffled["first_token_kl"] = np.where(shuffled["alpha"] > 0, 0.6 * seed, 0.0)
        parts.append(shuffled)
    return pd.concat(parts, ignore_index=True)
