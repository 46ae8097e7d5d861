"""How much a small boosting gains from each feature, in company with all others."""

import numpy as np
from numpy.typing import NDArray

# Small enough for seconds on hundreds of features, deep enough for one feature to turn another.
PARAMETERS = {
    "objective": "binary",
    "num_leaves": 15,
    "learning_rate": 0.1,
    "min_data_in_leaf": 50,
    "max_bin": 63,
    "bin_construct_sample_cnt": 5000,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.5,
    "bagging_freq": 1,
    "seed": 7,
    "num_threads": 1,
    "deterministic": True,
    "force_col_wise": True,
    "verbosity": -1,
}
ROUNDS = 40


def gain_shares(values: NDArray[np.float32], is_up: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return each column's share of the gain of all splits; they add up to 1, or are all 0.

    `values` (n_rows, n_features) may hold NaN. The same rows in the same order give the same
    bits, on any number of threads. Source: Friedman (2001); LightGBM's gain importance.
    """
    if values.shape[1] == 0 or is_up.all() or not is_up.any():
        return np.zeros(values.shape[1])
    import lightgbm

    data = lightgbm.Dataset(values, is_up.astype("float32"), params=PARAMETERS, free_raw_data=False)
    booster = lightgbm.train(PARAMETERS, data, num_boost_round=ROUNDS)
    gains = booster.feature_importance("gain").astype("float64")
    total = gains.sum()
    return gains / total if total > 0 else gains
