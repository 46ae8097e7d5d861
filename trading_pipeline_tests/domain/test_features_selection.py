"""Selection keeps what says something, once, and says why the rest is left out."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from trading_pipeline.domain.features.registry import feature_registry
from trading_pipeline.domain.features.selection import rank_correlation, select_features
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


def turning_rows(turns_with, seed=4, n_symbols=20, n_sessions=900):
    """Return rows whose label follows a feature up to a turn, and the opposite after it."""
    rng = np.random.default_rng(seed)
    session = np.repeat(np.arange(n_sessions), n_symbols)
    regime = np.where(session // 60 % 2 == 0, "normal", "crash")
    turned = session >= n_sessions // 2 if turns_with == "time" else regime == "crash"
    steady, turning = rng.normal(size=(2, session.size))
    drift = 0.3 * steady + 0.5 * turning * np.where(turned, -1, 1)
    label = pd.Series((drift + rng.normal(size=session.size) > 0).astype("float64"))
    frame = pd.DataFrame(
        {
            "symbol": np.tile([f"S{i:02d}" for i in range(n_symbols)], n_sessions),
            "session": session,
            "steady": steady,
            "turning": turning,
            "is_crash": (regime == "crash").astype("float64"),
            **{f"noise_{i}": rng.normal(size=session.size) for i in range(4)},
        }
    )
    return frame, label, pd.Series(regime)


def test_a_relation_that_turns_over_time_is_unstable():
    frame, label, regimes = turning_rows("time")
    plain = CONFIG.model_copy(update={"use_importance": False})
    table = selected(frame, label, regimes, plain)
    assert table.loc["turning", "reason"] == "unstable"
    assert table.loc["turning", "stability_z"] > CONFIG.unstable_z
    assert table.loc["steady", "reason"] == "kept"
    assert table.loc["steady", "stability_z"] == 0
    assert (table["importance"] == 0).all()
    kind = CONFIG.model_copy(update={"use_importance": False, "unstable_z": 1000.0})
    assert selected(frame, label, regimes, kind).loc["turning", "reason"] == "kept"


def test_a_relation_that_turns_with_the_regime_counts_in_each_of_them():
    frame, label, regimes = turning_rows("regime")
    table = selected(frame, label, regimes)
    assert table.loc["turning", "stability_z"] < CONFIG.unstable_z
    assert table.loc["turning", "reason"] == "kept"
    assert table.loc["turning", "score"] < 0.02
    assert table.loc["turning", "regime_score"] > 0.1
    few = selected(frame, label, regimes, CONFIG.model_copy(update={"max_selected": 2}))
    assert set(few.index[few["is_selected"]]) == {"steady", "turning"}


def test_noise_is_seldom_called_unstable():
    rng = np.random.default_rng(8)
    frame, label, regimes = turning_rows("time")
    noise = pd.DataFrame(rng.normal(size=(len(frame), 80))).add_prefix("n")
    # Noise that lasts, as features do, so that rows of a block are no observations of their own.
    noise = noise.groupby(frame["symbol"]).transform(lambda s: s.rolling(20, min_periods=1).sum())
    frame = pd.concat([frame[["symbol", "session"]], noise], axis=1)
    config = CONFIG.model_copy(update={"use_importance": False})
    assert (selected(frame, label, regimes, config)["reason"] == "unstable").sum() <= 2


def test_importance_is_a_share_and_goes_to_what_a_boosting_can_use():
    frame, label, _ = training_rows()
    table = selected(frame, label)
    assert table["importance"].sum() == pytest.approx(1)
    assert table["importance"].idxmax() == "signal"
    assert (table.loc[["copy", "flat", "empty", "gappy"], "importance"] == 0).all()


def test_the_boosting_saves_a_feature_that_ranks_cannot_tell():
    frame, label, regimes = turning_rows("time")
    bent = np.abs(frame["noise_2"]) > 0.7
    label = label.where(np.random.default_rng(1).random(len(frame)) < 0.5, bent.astype("float64"))
    config = CONFIG.model_copy(update={"max_selected": 2})
    table = selected(frame, label, regimes, config)
    assert table.loc["noise_2", "regime_score"] < 0.02
    assert table.loc["noise_2", "reason"] == "kept"
    config = config.model_copy(update={"use_importance": False})
    assert selected(frame, label, regimes, config).loc["noise_2", "reason"] == "over the limit"


def test_a_cluster_keeps_its_best_alone():
    rng = np.random.default_rng(6)
    frame, label, _ = training_rows()
    for i in range(5):
        frame[f"member_{i}"] = frame["signal"] + 0.01 * rng.normal(size=N_ROWS)
    table = selected(frame, label).filter(regex="signal|member", axis=0)
    best = table.index[table["is_selected"]]
    assert len(best) == 1
    others = table.drop(index=best)["reason"]
    assert (others == f"correlated with {best[0]}").all()


@pytest.mark.parametrize("n_missing", [0, 200])
def test_correlation_of_ranks_is_that_of_pandas_on_common_rows(n_missing):
    rng = np.random.default_rng(2)
    base = rng.normal(size=(600, 1))
    values = base + rng.normal(size=(600, 6))
    values[:n_missing, 2] = np.nan
    values[300 : 300 + n_missing, 4] = np.nan
    frame = pd.DataFrame(values, columns=list("abcdef"))
    ours = rank_correlation(list("abcdef"), {c: frame[c].to_numpy() for c in frame})
    ranks = frame.rank()
    np.testing.assert_allclose(ours, ranks.corr().abs(), rtol=1e-9)


def test_labels_of_other_rows_change_nothing():
    frame, label, regimes = turning_rows("time")
    train = (frame["session"] < 600).to_numpy()
    one = selected(frame[train], label[train], regimes[train])
    flipped = label.where(train, 1 - label)
    again = selected(frame[train], flipped[train], regimes[train])
    pd.testing.assert_frame_equal(one, again, check_exact=True)


@settings(max_examples=5, deadline=None)
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
    assert set(groups) >= {"rsi", "atr", "bollinger", "macd", "sma", "adx", "cci", "range", "flow"}
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
