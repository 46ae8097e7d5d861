"""Regimes are point in time: each follows from the past alone, by rules a person can check."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.contracts.data_config import RegimesConfig
from trading_pipeline.domain.bars.sessions import session_ordinals, session_table
from trading_pipeline.domain.regimes.market import label_regimes
from trading_pipeline_tests.domain.settings_of import shipped

MARKET = Path(__file__).resolve().parents[3] / "shared" / "market"
RULES = shipped(RegimesConfig, "regimes")
FIRST = 6000
MISSING = float("nan")


def index_of(closes):
    """Return index bars of consecutive sessions."""
    calendar = session_table().iloc[FIRST : FIRST + len(closes)].reset_index(drop=True)
    return pd.DataFrame(
        {
            "session_date": calendar["session_date"],
            "session": calendar["session"],
            "close": np.asarray(closes, dtype=float),
            "known_at": calendar["closes_at"],
        }
    )


def regimes_of(closes, vix=18.0, rules=RULES):
    """Return regimes.market of closes and VIX values; None: no VIX at all."""
    bars = index_of(closes)
    if vix is None:
        return label_regimes(bars, None, rules)
    values = np.broadcast_to(np.asarray(vix, dtype=float), len(bars))
    given_vix = pd.DataFrame({"session_date": bars["session_date"], "close": values})
    return label_regimes(bars, given_vix, rules)


def words(table):
    return table["regime"].tolist()


@pytest.mark.parametrize(
    ("vix", "regime"),
    [
        (45, "crash"),
        (28, "high_volatility"),
        (18, "normal"),
        (12, "low_volatility"),
        (14.99, "low_volatility"),
        (15.0, "normal"),
        (24.99, "normal"),
        (25.0, "high_volatility"),
        (35.0, "high_volatility"),
        (35.01, "crash"),
    ],
)
def test_the_vix_alone_puts_a_calm_price_in_its_band(vix, regime):
    assert words(regimes_of([100.0], vix)) == [regime]


def test_a_band_rises_at_once_and_falls_after_three_sessions_to_the_highest_below():
    vix = [18, 40, 20, 28, 12, 12, 12, 12, 26]
    assert words(regimes_of([100.0] * 9, vix)) == [
        "normal",
        "crash",
        "crash",
        "crash",
        "high_volatility",
        "high_volatility",
        "low_volatility",
        "low_volatility",
        "high_volatility",
    ]


@given(vix=st.lists(st.sampled_from([10.0, 18.0, 30.0, 50.0]), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_hysteresis_is_the_stated_state_machine(vix):
    order = ["low_volatility", "normal", "high_volatility", "crash"]
    raw = [[10.0, 18.0, 30.0, 50.0].index(value) for value in vix]
    held, expected = None, []
    for i, band in enumerate(raw):
        below = raw[max(i - 2, 0) : i + 1]
        if held is None or band >= held:
            held = band
        elif len(below) == 3 and max(below) < held:
            held = max(below)
        expected.append(order[held])
    assert words(regimes_of([100.0] * len(vix), vix)) == expected


def test_a_price_crash_is_a_fall_of_fifteen_percent_from_the_high_of_ten_sessions_and_today():
    falls = [100.0] * 11 + [85.0]
    table = regimes_of(falls, 12.0)
    assert words(table)[-1] == "crash"
    assert table["is_price_crash"].tolist() == [False] * 11 + [True]
    assert table["drawdown_frac"].iloc[-1] == pytest.approx(-0.15)
    assert "15.0%" in table["reason"].iloc[-1]
    assert words(regimes_of([100.0] * 11 + [85.01], 12.0))[-1] == "low_volatility"
    # The high of 100 leaves the window on the eleventh session after it.
    slow = [100.0] + [99.0] * 9
    assert words(regimes_of([*slow, 84.9], 12.0))[-1] == "crash"
    assert words(regimes_of([*slow, 99.0, 84.9], 12.0))[-1] == "low_volatility"


CRASH = [100.0] * 11 + [80.0]  # opens at position 11: peak 100, trough 80
WAIT = [87.0] * 10  # below the rise of 10 % to 88; the old highs leave the window


def test_a_recovery_is_confirmed_by_three_sessions_ten_percent_above_the_trough():
    table = regimes_of(CRASH + WAIT + [88.0, 87.9, 88.0, 88.0, 88.0, 90.0], 18.0)
    assert words(table)[11:22] == ["crash"] + ["normal"] * 10
    assert words(table)[-6:] == ["normal"] * 4 + ["recovery"] * 2
    assert "session 1 of at most 60" in table["reason"].iloc[-2]
    assert "10.0%" in table["reason"].iloc[-2]


def test_a_recovery_overrides_a_vix_in_the_crash_band():
    table = regimes_of(CRASH + WAIT + [88.0] * 4, 50.0)
    assert words(table)[-4:] == ["crash", "crash", "recovery", "recovery"]


def test_a_recovery_ends_after_sixty_sessions_and_is_not_repeated():
    tail = words(regimes_of(CRASH + WAIT + [88.0] * 90))[-90:]
    assert tail == ["normal"] * 2 + ["recovery"] * 60 + ["normal"] * 28


def test_a_recovery_ends_at_the_peak_before_the_crash():
    tail = words(regimes_of(CRASH + WAIT + [90.0] * 5 + [100.0, 99.0, 99.0, 99.0]))[-9:]
    assert tail == ["normal"] * 2 + ["recovery"] * 3 + ["normal"] * 4


def test_a_new_low_ends_a_recovery_and_moves_the_trough():
    lower = [88.0] * 5 + [79.0] + [86.0] * 4 + [86.9] * 4
    tail = words(regimes_of(CRASH + WAIT + lower, 18.0))[-14:]
    # 86.0 is 8.9 % above the new trough of 79 and confirms nothing; 86.9 is exactly 10 % above.
    assert tail == ["normal"] * 2 + ["recovery"] * 3 + ["normal"] * 7 + ["recovery"] * 2


def test_a_price_crash_ends_a_recovery_which_must_be_confirmed_afresh():
    again = [98.0] * 5 + [83.0] + [88.0] * 13
    table = regimes_of(CRASH + WAIT + again, 18.0)
    tail = words(table)[-19:]
    assert tail[:5] == ["normal"] * 2 + ["recovery"] * 3
    assert tail[5] == "crash"
    assert tail[6:9] == ["normal", "normal", "recovery"]


def test_a_recovery_must_begin_within_120_sessions_of_the_last_crash_session():
    late = [100.0] * 11 + [80.0] + [87.0] * 118
    assert words(regimes_of(late + [88.0] * 3, 18.0))[-1] == "normal"
    assert words(regimes_of(late[:-1] + [88.0] * 3, 18.0))[-1] == "recovery"


def test_an_episode_needs_120_calm_sessions_before_its_own_trough_counts():
    early = CRASH + [95.0] * 15 + [100.0] * 90 + [110.0] * 11
    fresh = CRASH + [95.0] * 15 + [100.0] * 120 + [110.0] * 11
    fall = [90.0] + [94.0] * 5
    # Within 120 sessions the old trough of 80 rules; afterwards the new one of 90 does.
    assert "recovery" in words(regimes_of(early + fall))[-6:]
    assert "recovery" not in words(regimes_of(fresh + fall))[-6:]


def test_a_missing_vix_is_carried_for_three_sessions_then_unknown_unless_the_price_speaks():
    vix = [30.0] + [MISSING] * 5 + [18.0]
    table = regimes_of([100.0] * 7, vix)
    assert words(table) == ["high_volatility"] * 4 + ["unknown"] * 2 + ["normal"]
    assert table["vix_source"].tolist() == ["vix"] * 4 + ["missing"] * 2 + ["vix"]
    assert "carried" in table["reason"].iloc[1]
    crashed = regimes_of([100.0] * 5 + [80.0], vix[:6])
    assert words(crashed)[-2:] == ["unknown", "crash"]


def test_a_missing_index_leaves_the_vix_to_decide():
    table = regimes_of([100.0, MISSING, 70.0, MISSING], 12.0)
    assert words(table) == ["low_volatility", "low_volatility", "crash", "low_volatility"]
    assert table["drawdown_frac"].isna().tolist() == [False, True, False, True]
    bars = index_of([100.0, MISSING]).assign(known_at=pd.to_datetime([None, None], utc=True))
    assert label_regimes(bars, None, RULES)["known_at"].notna().all()


def test_without_a_vix_realised_volatility_stands_for_it_and_says_so():
    calm = 100 * np.exp(np.cumsum(np.tile([0.001, -0.001], 20)))
    table = regimes_of(calm, None)
    assert words(table)[:21] == ["unknown"] * 21
    assert set(table["vix_source"].iloc[21:]) == {"realised_proxy"}
    # 0.1 % a day is 1.587 % a year: 6 + 0.85 x 1.587.
    assert table["vix_close"].iloc[-1] == pytest.approx(7.349, abs=1e-3)
    empty = pd.DataFrame({"session_date": pd.to_datetime([]), "close": []})
    assert words(label_regimes(index_of(calm), empty, RULES)) == words(table)


def test_a_regime_is_known_at_six_in_new_york_or_when_a_withheld_bar_is_confirmed():
    bars = index_of([100.0, 101.0, 102.0])
    bars.loc[1, "known_at"] = bars["known_at"].iloc[2]
    table = label_regimes(bars, None, RULES)
    local = table["known_at"].dt.tz_convert("America/New_York")
    assert local.dt.hour.tolist() == [18, 16, 18]
    assert local.dt.date.tolist()[1] == bars["session_date"].dt.date.iloc[2]


def test_two_index_bars_or_vix_values_in_a_session_are_refused():
    bars = index_of([100.0, 101.0])
    with pytest.raises(ValueError, match="two index bars"):
        label_regimes(pd.concat([bars, bars]), None, RULES)
    vix = pd.DataFrame({"session_date": bars["session_date"], "close": 18.0})
    with pytest.raises(ValueError, match="two VIX values"):
        label_regimes(bars, pd.concat([vix, vix]), RULES)


@given(
    seed=st.integers(0, 10_000),
    cut=st.integers(1, 299),
    vix_starts=st.integers(0, 320),
)
@settings(max_examples=25, deadline=None)
def test_cutting_or_shuffling_the_input_never_changes_an_earlier_label(seed, cut, vix_starts):
    random = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(random.standard_t(3, 300) * 0.025))
    closes[random.random(300) < 0.02] = MISSING
    vix = 18 * np.exp(np.cumsum(random.normal(0, 0.12, 300)) * 0.5)
    vix[random.random(300) < 0.2] = MISSING
    vix[:vix_starts] = MISSING
    bars = index_of(closes)
    given_vix = pd.DataFrame({"session_date": bars["session_date"], "close": vix})
    whole = label_regimes(bars, given_vix, RULES)
    part = label_regimes(bars.iloc[:cut], given_vix.iloc[:cut], RULES)
    pd.testing.assert_frame_equal(whole.iloc[:cut], part, check_exact=True)
    shuffled = label_regimes(bars.sample(frac=1, random_state=seed), given_vix.iloc[::-1], RULES)
    pd.testing.assert_frame_equal(whole, shuffled, check_exact=True)


@pytest.mark.skipif(not MARKET.exists(), reason="real market data are not on this machine")
def test_real_regimes_last_and_name_the_crises():
    etfs = pd.read_parquet(MARKET / "daily" / "etfs_stooq.parquet")
    spy = etfs[etfs["symbol"] == "SPY"]
    dates = pd.to_datetime(spy["ts"]).astype("datetime64[ns]").reset_index(drop=True)
    bars = pd.DataFrame({"session_date": dates, "session": session_ordinals(dates)})
    bars["close"] = spy["close"].to_numpy()
    bars["known_at"] = session_table()["closes_at"].iloc[bars["session"]].to_numpy()
    vix = pd.read_parquet(MARKET / "vix.parquet").assign(
        session_date=lambda frame: pd.to_datetime(frame["ts"]).astype("datetime64[ns]")
    )[["session_date", "close"]]
    table = label_regimes(bars, vix, RULES)

    def flips(config):
        regime = label_regimes(bars.assign(close=100.0), vix, config)["regime"]
        return int((regime != regime.shift()).sum()) - 1

    assert flips(RULES.model_copy(update={"down_sessions": 1})) == 478
    assert flips(RULES) < 300
    by_date = table.set_index("session_date")["regime"]
    assert by_date["2008-10-10"] == by_date["2020-03-16"] == "crash"
    assert by_date["2020-04-15"] == "recovery"
    assert by_date["2017-06-30"] == "low_volatility"
    assert set(by_date) == {"crash", "recovery", "high_volatility", "normal", "low_volatility"}
    assert table["reason"].str.len().min() > 0
