"""Selection keeps what says something, once, and says why the rest is left out."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from trading_pipeline.domain.features.registry import feature_registry
from trading_pipeline.domain.features.selection import select_features
from trading_pipeline.domain.features.windows import columns_for, window_groups
from trading_pipeline.settings import load_settings

CONFIG = load_settings(environment={}).features
N_ROWS = 900


def training_rows(seed=1):
    """Return rows, labels and regimes; feature names say what is the matter with each."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=N_ROWS)
    label = pd.Series((signal + rng.normal(size=N_ROWS) > 0).astype("float64"))
    gappy = np.where(np.arange(N_ROWS) % 3 == 0, signal, np.nan)
    frame = pd.DataFrame(
        {
            "symbol": np.where(np.arange(N_ROWS) % 2, "AAA", "BBB"),
            "session": np.arange(N_ROWS) // 2,
            "noise": rng.normal(size=N_ROWS),
            "bent_signal": signal - 0.2 * label,
            "signal": signal,
            "copy": signal,
            "flat": 1.0,
            "empty": np.nan,
            "gappy": gappy,
        }
    )
    regimes = pd.Series(np.where(rng.random(N_ROWS) < 0.3, "crash", "normal"))
    return frame, label, regimes


def catalogue_of(frame):
    return pd.DataFrame({"feature": [c for c in frame if c not in ("symbol", "session")]})


def selected(frame, label, regimes=None, config=CONFIG, groups=None):
    table = select_features(frame, label, regimes, config, catalogue_of(frame), groups)
    return table.set_index("feature")


def test_each_feature_left_out_has_its_reason():
    frame, label, _ = training_rows()
    table = selected(frame, label)
    assert table["reason"].to_dict() == {
        "noise": "kept",
        "bent_signal": "correlated with signal",
        "signal": "kept",
        "copy": "duplicate of signal",
        "flat": "constant",
        "empty": "missing",
        "gappy": "missing",
    }
    assert table["is_selected"].equals(table["reason"] == "kept")
    assert table.loc["gappy", "missing_frac"] == pytest.approx(2 / 3)


def test_a_score_is_the_distance_of_the_auc_from_a_half():
    frame, label, _ = training_rows()
    expected = roc_auc_score(label, frame["noise"]) - 0.5
    assert selected(frame, label).loc["noise", "score"] == pytest.approx(abs(expected))


def test_telling_regimes_apart_earns_no_score():
    frame, _, regimes = training_rows()
    is_crash = (regimes == "crash").to_numpy()
    rng = np.random.default_rng(2)
    label = pd.Series((rng.random(N_ROWS) < np.where(is_crash, 0.9, 0.1)).astype("float64"))
    frame = frame.assign(noise=is_crash + 0.01 * rng.normal(size=N_ROWS))
    assert selected(frame, label).loc["noise", "score"] > 0.3
    assert selected(frame, label, regimes).loc["noise", "score"] < 0.06


def test_the_limit_keeps_the_best():
    frame, label, _ = training_rows()
    table = selected(frame, label, config=CONFIG.model_copy(update={"max_selected": 1}))
    assert table["is_selected"].to_dict() == {name: name == "signal" for name in table.index}
    assert table.loc["noise", "reason"] == "over the limit"


def test_alternative_windows_do_not_displace_each_other():
    frame, label, _ = training_rows()
    groups = {"rsi": {"7": ["signal"], "14": ["bent_signal"]}}
    assert selected(frame, label, groups=groups).loc["bent_signal", "reason"] == "kept"


def test_open_labels_are_left_out():
    frame, label, _ = training_rows()
    frame.loc[:99, "noise"] = np.nan
    label.loc[:99] = np.nan
    assert selected(frame, label).loc["noise", "missing_frac"] == 0
    with pytest.raises(ValueError, match="no training row"):
        selected(frame, label * np.nan)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_selection_does_not_depend_on_the_order_of_rows(seed):
    frame, label, regimes = training_rows(seed)
    mixed = np.random.default_rng(seed).permutation(N_ROWS)
    one = selected(frame, label, regimes)
    other = selected(frame.iloc[mixed], label.iloc[mixed], regimes.iloc[mixed])
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_a_trial_takes_one_window_of_each_group_and_all_other_columns():
    registry = feature_registry(CONFIG)
    groups = window_groups(registry)
    assert set(groups) == {"rsi", "atr", "bollinger", "macd", "sma"}
    assert list(groups["macd"]) == ["12_26_9", "8_17_9"]
    names = [feature.name for feature in registry]
    chosen = columns_for({"rsi": "14", "macd": "8_17_9"}, names, groups)
    left_out = [name for name in names if name not in chosen]
    assert "rsi_14" in chosen
    assert "return_5" in chosen
    assert left_out == [
        "rsi_7",
        "rsi_21",
        *groups["macd"]["12_26_9"][:3],
        "rank_macd_hist_12_26_9",
    ]


def test_a_window_that_does_not_exist_is_refused():
    groups = window_groups(feature_registry(CONFIG))
    with pytest.raises(ValueError, match="no window 99 of rsi"):
        columns_for({"rsi": "99"}, [], groups)
