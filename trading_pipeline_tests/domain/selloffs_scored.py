"""Made-up falls with the words of a model on them, in the columns of selloffs.scores."""

import numpy as np
import pandas as pd

from trading_pipeline_tests.domain.selloffs_made import MadeFalls

TIERS = ((0.40, 0.25), (0.50, 0.5), (0.60, 1.0))


def scored_falls(falls: MadeFalls, *, skill: float = 0.0, seed: int = 3) -> pd.DataFrame:
    """Return selloffs.scores: four blocks, then a hold-out of the newest three tenths.

    `skill` is how much of what moves the odds the model knows (1 is all of it); the trivial
    baseline knows stop, target and the time of day.
    """
    rng = np.random.default_rng(seed)
    known = falls.outcomes.query("status == 'closed' and entry_delay_minutes == 1")
    rows = falls.features.merge(known, on=["symbol", "session_date", "rung", "detected_at"])
    rows = rows.merge(falls.regimes, on="session_date").merge(
        falls.events[["symbol", "session_date", "rung", "is_first"]],
        on=["symbol", "session_date", "rung"],
    )
    plain = -np.log(rows["reward_to_risk"]) - 0.1 - rows["minutes_since_open"] / 400
    signal = np.log(rows["volume_ratio"]) / 0.4 - rows["sector_change_today_frac"] / 0.01
    odds = plain + skill * signal + 0.3 * rng.standard_normal(len(rows))
    probability = (1 / (1 + np.exp(-odds))).to_numpy()
    expected = probability * 2.2 - 1
    share = (rows["session"] - rows["session"].min()) / np.ptp(rows["session"])
    is_holdout = (share >= 0.7).to_numpy()
    tier = np.zeros(len(rows))
    for least, risk in TIERS:
        tier[probability >= least] = risk
    return pd.DataFrame(
        {
            "symbol": rows["symbol"],
            "session_date": rows["session_date"],
            "rung": rows["rung"],
            "detected_at": rows["detected_at"],
            "session": rows["session"],
            "block": np.where(is_holdout, 0, 1 + (share / 0.7 * 4).astype(int).clip(upper=3)),
            "is_holdout": is_holdout,
            "probability": probability,
            "expected_r": expected,
            "trivial_probability": 1 / (1 + np.exp(-plain)),
            "majority_probability": 0.4,
            "risk_tier": tier,
            "is_selected": expected > np.quantile(expected, 2 / 3),
            "label": rows["reversed"].astype(bool).astype("int64"),
            "r_multiple": rows["r_multiple"].astype("float64"),
            "regime": rows["regime"],
            "is_first": rows["is_first"],
        }
    )
