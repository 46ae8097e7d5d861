"""Volume breaks, revisions, spreads and the adjusted view, each against what it promises."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.contracts.data_config import BarsConfig, SpreadsConfig, VolumeBreaksConfig
from trading_pipeline.domain.bars.adjusted import adjusted_as_of
from trading_pipeline.domain.bars.clean import clean_daily
from trading_pipeline.domain.bars.revisions import VALUES, bars_as_of, settle_deliveries
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.bars.spreads import (
    NO_QUOTES,
    half_tick_bps,
    modelled_spreads,
    spread_table,
    time_of_day_shape,
)
from trading_pipeline.domain.bars.volume_breaks import find_volume_breaks
from trading_pipeline_tests.domain.settings_of import shipped

BREAKS = VolumeBreaksConfig(sessions=5, factor=4.0, min_symbols=3, min_share=0.5)
SPREADS = SpreadsConfig(
    bucket_minutes=30, high_quantile=0.9, min_quotes=10, model_sessions=63,
    model_reference_bps=6.0, model_open_excess=1.4, model_close_excess=0.4,
    model_decay_minutes=50.0,
)  # fmt: skip
JANUARY = pd.Timestamp("2020-01-02")


def dates(n):
    table = session_table()
    return table.loc[table["session_date"] >= JANUARY, "session_date"].iloc[:n].to_numpy()


def closes_at(when):
    table = session_table().set_index("session_date")
    return pd.DatetimeIndex(table["closes_at"].loc[pd.DatetimeIndex(when)])


# Volume breaks


def levels(n_symbols=4, n=40, seed=3, noise=0.4):
    """Return a calm level per symbol, half as noisy as real minutes are."""
    random = np.random.default_rng(seed)
    parts = []
    for number in range(n_symbols):
        volume = 1000 * (number + 1) * np.exp(random.normal(0, noise, n))
        parts.append(
            pd.DataFrame(
                {"symbol": f"S{number}", "session_date": dates(n), "vendor": "v",
                 "minute_volume": volume, "daily_share": np.nan}
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def raised(frame, at, factor, symbols):
    """Return the levels with some symbols multiplied from one session on."""
    later = (frame["session_date"] >= dates(at + 1)[at]) & frame["symbol"].isin(symbols)
    frame = frame.copy()
    frame.loc[later, "minute_volume"] *= factor
    return frame


@settings(max_examples=25)
@given(
    at=st.integers(5, 35), up=st.booleans(), seed=st.integers(0, 10_000),
    n=st.integers(2, 4),
)  # fmt: skip
def test_a_feed_that_changes_for_most_symbols_is_told_at_its_session(at, up, seed, n):
    symbols = [f"S{i}" for i in range(n)]
    frame = raised(levels(seed=seed, noise=0.2), at, 20.0 if up else 0.05, symbols)
    found = find_volume_breaks(frame.sample(frac=1, random_state=seed), BREAKS)
    assert found["symbol"].tolist() == symbols
    assert (found["session_date"] == dates(at + 1)[at]).all()
    assert (found["known_at"] == closes_at(dates(at + 5)[[at + 4]])[0]).all()
    assert (found["evidence"] == "vendor_wide").all()
    assert ((found["ratio"] > 4) if up else (found["ratio"] < 0.25)).all()


def test_a_spike_that_passes_is_no_break():
    frame = levels(noise=0.1)
    inside = frame["session_date"].isin(dates(40)[20:22])
    frame.loc[inside, "minute_volume"] *= 30
    assert find_volume_breaks(frame, BREAKS).empty


def test_one_symbol_alone_is_no_break_unless_its_share_of_daily_volume_moves():
    frame = raised(levels(noise=0.1), 20, 20.0, ["S0"])
    assert find_volume_breaks(frame, BREAKS).empty
    daily = frame["symbol"].map({f"S{i}": 4e5 * 20 * (i + 1) for i in range(4)})
    frame["daily_share"] = 390 * frame["minute_volume"] / daily
    found = find_volume_breaks(frame, BREAKS)
    assert found["symbol"].tolist() == ["S0"]
    assert found["evidence"].tolist() == ["daily_share"]
    np.testing.assert_allclose(found["daily_share_ratio"], found["ratio"])


def test_a_market_that_grows_busy_is_no_break_below_the_factor():
    frame = raised(levels(noise=0.1), 20, 3.0, ["S0", "S1", "S2", "S3"])
    assert find_volume_breaks(frame, BREAKS).empty
    wider = BREAKS.model_copy(update={"factor": 2.0})
    assert len(find_volume_breaks(frame, wider)) == 4


def test_levels_years_apart_are_not_compared():
    frame = raised(levels(n=30, noise=0.1), 20, 20.0, ["S0", "S1", "S2", "S3"])
    far = frame["session_date"] >= dates(21)[20]
    moved = frame.copy()
    moved.loc[far, "session_date"] = moved.loc[far, "session_date"] + pd.Timedelta(days=364)
    assert len(find_volume_breaks(frame, BREAKS)) == 4
    moved = moved[moved["session_date"].isin(session_table()["session_date"])]
    assert find_volume_breaks(moved, BREAKS).empty


@settings(max_examples=25)
@given(cut=st.integers(1, 40), seed=st.integers(0, 1000))
def test_cutting_the_data_changes_no_break_known_by_then(cut, seed):
    frame = raised(levels(seed=seed), 15, 15.0, ["S0", "S1", "S2"])
    frame = raised(frame, 27, 0.04, ["S1", "S2", "S3"])
    last = dates(cut)[-1]
    whole = find_volume_breaks(frame, BREAKS)
    until = find_volume_breaks(frame[frame["session_date"] <= last], BREAKS)
    known = whole[whole["known_at"] <= closes_at([last])[0]]
    pd.testing.assert_frame_equal(known.reset_index(drop=True), until)


def test_no_level_gives_no_break():
    found = find_volume_breaks(levels().iloc[:0], BREAKS)
    assert found.empty
    assert "known_at" in found


# Revisions

MINUTE = pd.Timestamp("2024-03-04 15:00", tz="UTC")


@st.composite
def deliveries(draw):
    """Return a few bars delivered a few times, with missing volumes and repeated values."""
    n = draw(st.integers(1, 14))
    rows = []
    for _ in range(n):
        bar, value = draw(st.integers(0, 3)), draw(st.integers(1, 3))
        ts = (MINUTE + pd.Timedelta(minutes=bar // 2)).tz_localize(None)
        hours = draw(st.integers(0, 5))
        volume = np.nan if value == 3 else 100.0 * value
        rows.append(
            (f"S{bar % 2}", ts, 10.0, 12.0, 9.0, 10.0 + value, volume,
             MINUTE + pd.Timedelta(hours=hours))
        )  # fmt: skip
    frame = pd.DataFrame(rows, columns=["symbol", "ts", *VALUES, "ingested_at"])
    closes = frame["ts"].dt.tz_localize("UTC") + pd.Timedelta("1min")
    # One instant brings one version of a bar.
    return frame.assign(known_at=closes).drop_duplicates(["symbol", "ts", "ingested_at"])


@settings(max_examples=40)
@given(rows=deliveries(), seed=st.integers(0, 100))
def test_the_order_of_deliveries_and_their_copies_never_matter(rows, seed):
    latest, revisions = settle_deliveries(rows)
    twice = pd.concat([rows, rows]).sample(frac=1, random_state=seed)
    for got, wanted in zip(settle_deliveries(twice), (latest, revisions), strict=True):
        pd.testing.assert_frame_equal(got, wanted)


@settings(max_examples=40)
@given(rows=deliveries())
def test_every_version_is_kept_in_its_order(rows):
    latest, revisions = settle_deliveries(rows)
    assert len(latest) == len(rows.drop_duplicates(["symbol", "ts"]))
    for (symbol, ts), group in rows.groupby(["symbol", "ts"]):
        seen = group.sort_values("ingested_at")[list(VALUES)].to_numpy().tolist()
        versions = [v for i, v in enumerate(seen) if not i or str(v) != str(seen[i - 1])]
        mine = revisions[(revisions["symbol"] == symbol) & (revisions["ts"] == ts)]
        old = mine[[f"old_{n}" for n in VALUES]].to_numpy().tolist()
        new = mine[[f"new_{n}" for n in VALUES]].to_numpy().tolist()
        shown = latest[(latest["symbol"] == symbol) & (latest["ts"] == ts)]
        final = shown[list(VALUES)].to_numpy().tolist()
        assert str([*old, *final]) == str(versions)
        assert str(new) == str(versions[1:])
        assert mine["revision"].tolist() == list(range(1, len(versions)))


@settings(max_examples=40)
@given(rows=deliveries(), hours=st.integers(-1, 6))
def test_what_was_known_then_is_what_the_deliveries_until_then_say(rows, hours):
    as_of = MINUTE + pd.Timedelta(hours=hours, minutes=30)
    first = rows.groupby(["symbol", "ts"])["ingested_at"].transform("min")
    # The first version stands for what was printed; a correction is known from its delivery.
    told = rows[(rows["ingested_at"] <= as_of) | (rows["ingested_at"] == first)]
    wanted, _ = settle_deliveries(told[told["known_at"] <= as_of])
    got = bars_as_of(*settle_deliveries(rows), as_of)
    pd.testing.assert_frame_equal(got, wanted, check_dtype=False)


def test_a_correction_is_known_from_its_delivery_and_a_first_version_from_its_close():
    closes = MINUTE + pd.Timedelta("1min")
    rows = pd.DataFrame(
        {"symbol": "A", "ts": MINUTE.tz_localize(None), "open": 1.0, "high": 2.0, "low": 1.0,
         "close": [1.5, 1.6], "volume": 5.0, "known_at": closes,
         "ingested_at": [MINUTE + pd.Timedelta("9D"), MINUTE + pd.Timedelta("12D")]}
    )  # fmt: skip
    latest, revisions = settle_deliveries(rows)
    assert latest["close"].tolist() == [1.6]
    assert latest["known_at"].tolist() == revisions["known_at"].tolist() == [rows.ingested_at[1]]
    assert revisions["old_known_at"].tolist() == [closes]
    for as_of, close in ((closes, [1.5]), (rows.ingested_at[1], [1.6]), (MINUTE, [])):
        assert bars_as_of(latest, revisions, as_of)["close"].tolist() == close


def test_no_delivery_gives_no_bar_and_no_revision():
    rows = pd.DataFrame(columns=["symbol", "ts", *VALUES, "ingested_at", "known_at"])
    latest, revisions = settle_deliveries(rows)
    assert latest.empty
    assert revisions.empty


# Spreads


def inputs(price=50.0, usd=40e6, volatility=0.02, symbol="A"):
    return pd.DataFrame(
        {"symbol": [symbol], "price_usd": [price], "traded_usd": [usd],
         "volatility": [volatility], "known_at": pd.to_datetime(["2024-03-04 21:00"], utc=True)}
    )  # fmt: skip


@given(usd=st.floats(1e4, 1e11), volatility=st.floats(1e-3, 0.2), more=st.floats(1.1, 50.0))
def test_the_modelled_spread_falls_with_volume_and_grows_with_volatility(usd, volatility, more):
    def at(**given_):
        frame = inputs(price=np.nan, **given_)
        return modelled_spreads(frame, SPREADS)["half_spread_bps"].to_numpy()

    here = at(usd=usd, volatility=volatility)
    assert (at(usd=usd * more, volatility=volatility) < here).all()
    assert (at(usd=usd, volatility=volatility * more) > here).all()


def test_the_benchmark_stock_has_the_reference_spread_on_average():
    minute = SPREADS.model_copy(update={"bucket_minutes": 1})
    values = modelled_spreads(inputs(price=np.nan), minute)["half_spread_bps"]
    assert len(values) == 390
    assert values.mean() == pytest.approx(6.0)


def test_the_shape_of_the_session_is_high_at_both_ends():
    shape = time_of_day_shape(np.arange(0, 390, 30), SPREADS)
    assert shape[0] == shape.max()
    assert shape[-1] > shape[6]
    assert (np.diff(shape[:6]) < 0).all()


@given(price=st.floats(0.05, 5000.0), usd=st.floats(1e4, 1e12))
def test_no_modelled_spread_lies_below_half_a_tick(price, usd):
    values = modelled_spreads(inputs(price=price, usd=usd), SPREADS)["half_spread_bps"]
    tick = 0.01 if price >= 1 else 0.0001
    assert (values >= tick / 2 / price * 1e4 * (1 - 1e-12)).all()


def test_half_a_tick_of_an_unknown_price_is_missing():
    assert np.isnan(half_tick_bps(np.array([np.nan]))).all()


def test_buckets_with_enough_quotes_are_measured_and_the_rest_modelled():
    known_at = pd.to_datetime(["2024-03-01 21:00"] * 3, utc=True)
    measured = pd.DataFrame(
        {"symbol": ["A", "A", "B"], "bucket_minute": [0, 30, 0], "known_at": known_at,
         "half_spread_bps": [3.0, 2.0, 9.0], "half_spread_high_bps": [5.0, 4.0, 10.0],
         "n_quotes": [10, 9, 10], "n_unusable": [1, 2, 3]}
    )  # fmt: skip
    table = spread_table(measured, inputs(), SPREADS)
    assert table["source"].tolist() == ["quotes", *["model"] * 12, "quotes"]
    assert table["symbol"].tolist() == ["A"] * 13 + ["B"]
    first, second = table.iloc[0], table.iloc[1]
    assert (first["half_spread_bps"], first["half_spread_high_bps"]) == (3.0, 5.0)
    assert (second["n_quotes"], second["n_unusable"]) == (9, 2)
    assert np.isnan(second["half_spread_high_bps"])
    assert first["known_at"] == known_at[0]
    assert second["known_at"] == inputs()["known_at"].iloc[0]
    assert set(spread_table(NO_QUOTES, inputs(), SPREADS)["source"]) == {"model"}
    assert spread_table(NO_QUOTES, inputs().iloc[:0], SPREADS).empty


# The adjusted view

CLEANING = shipped(BarsConfig, "bars")


def raw_bars(n=30, seed=2, symbols=("A", "B")):
    """Return delivered raw bars that no action has moved yet."""
    random = np.random.default_rng(seed)
    parts = []
    for symbol in symbols:
        close = 50 * np.exp(np.cumsum(random.normal(0, 0.01, n)))
        frame = {"symbol": symbol, "ts": dates(n), "volume": 1000.0, "adj_close": np.nan}
        frame |= dict.fromkeys(("open", "high", "low", "close"), close)
        parts.append(pd.DataFrame(frame))
    words = {
        "vwap": np.nan, "vendor": "one", "vendor_rank": 0, "file_rank": 0, "source_file": "one",
        "prices": "raw", "missing_columns": "adj_close",
    }  # fmt: skip
    return pd.concat(parts, ignore_index=True).assign(**words)


def acted(raw, listed):
    """Return (delivered bars that show the actions, the actions' table).

    `listed` holds (nth session, ratio or None, dividend or None, sessions told after the ex-date)
    of symbol A; negative: told before it.
    """
    shown, rows = raw.copy(), []
    for nth, ratio, amount, late in listed:
        when = raw["ts"].iloc[nth]
        after = (shown["symbol"] == "A") & (shown["ts"] >= when)
        before = shown.loc[(shown["symbol"] == "A") & (shown["ts"] < when), "close"].iloc[-1]
        factor = 1 / ratio if ratio else 1 - amount / before
        shown.loc[after, ["open", "high", "low", "close"]] *= factor
        told = closes_at(raw["ts"].iloc[[nth]])[0]
        rows.append(
            {"symbol": "A", "ex_date": when, "action": "split" if ratio else "dividend",
             "ratio": ratio or np.nan, "amount_usd": amount or np.nan,
             "known_at": told + pd.Timedelta(days=late, hours=-7)}
        )  # fmt: skip
    return shown, pd.DataFrame(rows)


def returns(view, symbol="A"):
    return np.log(view.loc[view["symbol"] == symbol, "adj_close"].to_numpy()[1:]) - np.log(
        view.loc[view["symbol"] == symbol, "adj_close"].to_numpy()[:-1]
    )


actions_of_a = st.lists(
    st.tuples(
        st.integers(2, 28),
        st.sampled_from([None, 2.0, 0.1, 20.0]),
        st.floats(0.05, 1.5),
        st.integers(-9, 9),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda row: row[0],
).map(lambda rows: sorted((n, r, None if r else a, late) for n, r, a, late in rows))


@settings(max_examples=30, deadline=None)
@given(listed=actions_of_a, day=st.integers(0, 45))
def test_known_splits_and_dividends_are_neutral_and_unknown_ones_are_not_used(listed, day):
    raw = raw_bars()
    shown, actions = acted(raw, listed)
    bars, _ = clean_daily(shown, actions, CLEANING)
    as_of = pd.Timestamp("2020-01-02 23:00", tz="UTC") + pd.Timedelta(days=day)
    view = adjusted_as_of(bars, actions, as_of)
    told = actions[actions["known_at"] <= as_of]
    alone, _ = clean_daily(shown, told if len(told) else None, CLEANING)
    alone = alone[alone["known_at"] <= as_of]
    if len(alone) == len(view):
        np.testing.assert_allclose(view["adj_factor"], alone["adj_factor"], rtol=1e-9)
    sound = clean_daily(raw, None, CLEANING)[0]
    neutral = returns(sound.assign(adj_close=sound["close"]))[: (view["symbol"] == "A").sum() - 1]
    untold = actions.loc[~actions.index.isin(told.index), "ex_date"]
    late = set(np.searchsorted(dates(30), untold.to_numpy()))
    calm = [i for i in range(len(neutral)) if i + 1 not in late]
    np.testing.assert_allclose(returns(view)[calm], neutral[calm], atol=1e-9)


def test_a_late_split_re_states_the_view_from_its_known_at_on_and_no_return_before():
    raw = raw_bars()
    shown, actions = acted(raw, [(12, 4.0, None, 6)])
    bars, _ = clean_daily(shown, actions, CLEANING)
    told = actions["known_at"].iloc[0]
    before = adjusted_as_of(bars, actions, told - pd.Timedelta("1us"))
    after = adjusted_as_of(bars, actions, told)
    assert returns(before)[11] == pytest.approx(np.log(shown["close"][12] / shown["close"][11]))
    assert abs(returns(after)[11]) < 0.1
    np.testing.assert_array_equal(returns(before)[:11], returns(after)[:11])
    np.testing.assert_array_equal(returns(before, "B"), returns(after, "B"))
    assert (before["known_at"] <= told).all()


def test_the_view_never_holds_a_bar_of_later():
    shown, actions = acted(raw_bars(), [(12, 4.0, None, 6)])
    bars, _ = clean_daily(shown, actions, CLEANING)
    as_of = bars["known_at"].iloc[9]
    assert adjusted_as_of(bars, actions, as_of)["known_at"].max() == as_of


def test_prices_the_vendor_adjusted_stay_as_they_are():
    shown, actions = acted(raw_bars(), [(12, 4.0, None, 6)])
    bars, _ = clean_daily(shown.assign(prices="split"), actions, CLEANING)
    view = adjusted_as_of(bars, actions, actions["known_at"].iloc[0] - pd.Timedelta("1us"))
    np.testing.assert_array_equal(view["adj_close"], view["close"] * view["adj_factor"])
    assert (view["adj_factor"] == 1).all()
