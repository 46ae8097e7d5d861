"""The paired comparison by regime, against its definition."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.ensemble.metrics import auc
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.bench.effect import effect_by_regime

GATE = load_settings(environment={}).gate


def made(n_sessions=400, n_symbols=6):
    """Return decisions whose probability knows a little of the label."""
    random = np.random.default_rng(3)
    session = np.repeat(np.arange(n_sessions), n_symbols)
    label = random.integers(0, 2, session.size)
    return pd.DataFrame(
        {
            "symbol": np.tile([f"S{i}" for i in range(n_symbols)], n_sessions),
            "session": session,
            "label": label,
            "oof_probability": 1 / (1 + np.exp(-random.normal(0.4 * label))),
            "regime": np.where(session < 300, "normal", "crash"),
        }
    )


def test_the_same_predictions_differ_by_nothing():
    lines = effect_by_regime(made(), made(), 5, GATE)
    assert lines["regime"].tolist() == ["all", "crash", "normal"]
    assert (lines[["difference", "low", "high"]] == 0).all(axis=None)


def test_a_side_that_knows_more_is_better_in_its_regime_alone():
    off = made()
    helped = off["regime"] == "crash"
    on = off.assign(
        oof_probability=off["oof_probability"].mask(helped, 0.3 * off["label"] + 0.2)
    ).sample(frac=1, random_state=1)
    lines = effect_by_regime(on, off, 5, GATE).set_index("regime")
    crash = off[helped]
    assert lines.loc["crash", "difference"] == pytest.approx(
        1 - auc(crash["oof_probability"], crash["label"])
    )
    assert lines.loc["crash", "low"] > 0
    assert lines.loc["normal", "difference"] == 0
    assert lines["n_rows"].tolist() == [2400, 600, 1800]


def test_sides_of_different_decisions_are_refused():
    with pytest.raises(ValueError, match="same decisions"):
        effect_by_regime(made(), made().iloc[5:], 5, GATE)
