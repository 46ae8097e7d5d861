"""Intraday features: TA-Lib's values, nothing before it is known, live equal to history."""

import functools
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import talib

from trading_pipeline.contracts.data_config import FeaturesConfig
from trading_pipeline.domain.bars.minutes import INTERVALS_MINUTES
from trading_pipeline.domain.bars.sessions import session_dates, session_table
from trading_pipeline.domain.features.intraday import (
    CHUNK_MINUTES,
    KEYS,
    IntradayState,
    compute_intraday_set,
    intraday_chunks,
)
from trading_pipeline.domain.features.intraday_registry import (
    coarse_name,
    column_names,
    intraday_registry,
)
from trading_pipeline_tests.domain.settings_of import shipped

CONFIG = shipped(FeaturesConfig, "features").intraday
NAMES = list(column_names(CONFIG))
REGISTRY = intraday_registry(CONFIG)
MARKET = Path(__file__).parents[3] / "shared" / "market" / "minute"
REAL = MARKET / "m1_2025_09_2026_01.parquet"
# 2023-09-01 is a Friday; the span holds the end of daylight saving and the half-day 2023-11-24.
SPAN = ("2023-09-18", "2023-11-30")
SYMBOLS = ("AAA", "BBB", "CCC")


def hours(first, last):
    table = session_table()
    return table[table["session_date"].between(first, last)]


def made_minutes(symbols=SYMBOLS, first=SPAN[0], last=SPAN[1], seed=7, missing=0.05):
    """Return minutes of a random walk; some are missing, as in a market that did not trade."""
    rng = np.random.default_rng(seed)
    parts = []
    opens = [
        pd.date_range(row.opens_at, row.closes_at, freq="min", inclusive="left")
        for row in hours(first, last).itertuples()
    ]
    at = opens[0].append(opens[1:])
    for number, symbol in enumerate(symbols):
        path = 40.0 * (number + 1) * np.exp(np.cumsum(rng.normal(0, 8e-4, len(at))))
        start = np.concatenate([path[:1], path[:-1]])
        spread = np.abs(rng.normal(0, 4e-4, (2, len(at))))
        frame = pd.DataFrame(
            {
                "symbol": symbol,
                "opens_at": at,
                "open": start,
                "high": np.maximum(start, path) * (1 + spread[0]),
                "low": np.minimum(start, path) * (1 - spread[1]),
                "close": path,
                "volume": np.round(np.exp(rng.normal(7, 1, len(at)))),
            }
        )
        parts.append(frame[rng.uniform(size=len(at)) >= missing])
    return pd.concat(parts, ignore_index=True)


@functools.cache
def minutes():
    return made_minutes()


@functools.cache
def features():
    return compute_intraday_set(minutes(), CONFIG)


def plain_bars(frame, interval):
    """Return the bars of one interval by plain pandas, with their session's hours."""
    frame = frame.sort_values(["symbol", "opens_at"])
    table = session_table()
    place = np.searchsorted(table["closes_at"], frame["opens_at"], side="right")
    session = table.iloc[place].reset_index(drop=True)
    frame = frame.reset_index(drop=True)
    inside = (frame["opens_at"] >= session["opens_at"]).to_numpy()
    frame, session = frame[inside], session[inside]
    since = (frame["opens_at"] - session["opens_at"]) // pd.Timedelta(minutes=interval)
    begin = session["opens_at"] + since * pd.Timedelta(minutes=interval)
    close = np.minimum(begin + pd.Timedelta(minutes=interval), session["closes_at"])
    keyed = frame.assign(bar=begin, ends=close, date=session["session_date"], slot=since)
    return (
        keyed.groupby(["symbol", "bar"], sort=True)
        .agg(
            open=("open", "first"),
            high=("high", "max"),
            low=("low", "min"),
            close=("close", "last"),
            volume=("volume", "sum"),
            closes_at=("ends", "first"),
            session_date=("date", "first"),
            slot=("slot", "first"),
        )
        .reset_index()
        .rename(columns={"bar": "opens_at"})
    )


def of(frame, symbol, interval):
    rows = frame[(frame["symbol"] == symbol) & (frame["interval_minutes"] == interval)]
    return rows.reset_index(drop=True)


def on(frame, date):
    """Return the rows of one session."""
    return frame[frame["session_date"] == pd.Timestamp(date)]


def with_talib(bars):
    """Return TA-Lib's columns of one symbol's bars."""
    o, h, low, c, v = (
        bars[name].to_numpy("float64") for name in ("open", "high", "low", "close", "volume")
    )
    upper, middle, lower = talib.BBANDS(c, timeperiod=20, nbdevup=2, nbdevdn=2)
    line, _, histogram = talib.MACD(c, fastperiod=12, slowperiod=26, signalperiod=9)
    place, mean = talib.STOCHRSI(c, timeperiod=14, fastk_period=14, fastd_period=3)
    balance = pd.Series(talib.OBV(c, v))
    return {
        "atr_14": talib.ATR(h, low, c, timeperiod=14) / c,
        "rsi_14": talib.RSI(c, timeperiod=14),
        "stoch_rsi_14_14_3": place,
        "stoch_rsi_mean_14_14_3": mean,
        "bollinger_place_20": (c - lower) / (upper - lower),
        "bollinger_width_20": (upper - lower) / middle,
        "macd_12_26_9": line / c,
        "macd_hist_12_26_9": histogram / c,
        "mfi_14": talib.MFI(h, low, c, v, timeperiod=14),
        "obv_change_20": (balance.diff(20) / bars["volume"].rolling(20).sum()).to_numpy(),
        "realised_volatility_20": np.sqrt(
            pd.Series(np.log(c / o) ** 2).rolling(20).mean().to_numpy()
        ),
    }


def assert_talib(frame, made):
    lookback = {(f.name, f.timeframe_minutes): f.lookback_sessions for f in REGISTRY}
    for symbol in frame["symbol"].unique():
        for interval in INTERVALS_MINUTES:
            bars = of(
                plain_bars(frame, interval).assign(interval_minutes=interval), symbol, interval
            )
            own = of(made, symbol, interval)
            assert (own["opens_at"].to_numpy() == bars["opens_at"].to_numpy()).all()
            assert (own["closes_at"].to_numpy() == bars["closes_at"].to_numpy()).all()
            assert (own["session_date"].to_numpy() == bars["session_date"].to_numpy()).all()
            for name, values in with_talib(bars).items():
                needed = lookback[name, interval] - 1
                found = own[name].to_numpy()
                assert np.isnan(found[:needed]).all(), name
                settled = slice(needed, None)
                np.testing.assert_allclose(
                    found[settled], values[settled], rtol=1e-6, atol=1e-9, err_msg=name
                )


def test_indicators_are_talibs_on_bars_of_plain_pandas():
    assert_talib(minutes(), features())


@pytest.mark.skipif(not REAL.exists(), reason="the real market folder is not here")
def test_indicators_are_talibs_on_real_minutes():
    real = pd.read_parquet(REAL, filters=[("symbol", "in", ["SPY", "AFRM"])])
    real = real.rename(columns={"ts": "opens_at"})
    real["opens_at"] = real["opens_at"].dt.tz_localize("UTC")
    assert_talib(real, compute_intraday_set(real, CONFIG))


def test_a_coarser_bar_is_read_from_the_moment_it_closes():
    for fine in INTERVALS_MINUTES[:-1]:
        for coarse in [n for n in INTERVALS_MINUTES if n > fine]:
            for symbol in SYMBOLS:
                own, above = of(features(), symbol, fine), of(features(), symbol, coarse)
                visible = pd.merge_asof(
                    own[["closes_at"]], above[["closes_at", "rsi_14", "atr_14"]], on="closes_at"
                )
                for name in ("rsi_14", "atr_14"):
                    carried = own[coarse_name(name, coarse)]
                    pd.testing.assert_series_equal(carried, visible[name], check_names=False)


def known(frame, as_of):
    return frame[frame["known_at"] <= as_of].reset_index(drop=True)


def differing(one, other, columns=tuple(NAMES)):
    """Return the columns whose bits differ; rows must be the same."""
    keys = ["interval_minutes", "symbol", "opens_at"]
    pd.testing.assert_frame_equal(one[keys], other[keys])
    return [name for name in columns if not np.array_equal(one[name], other[name], equal_nan=True)]


# In the middle of an hour, at a bar's close, at the end of a session, on the half-day, after it.
MOMENTS = (
    "2023-10-20 15:03:00",
    "2023-11-06 15:30:00",
    "2023-11-16 21:00:00",
    "2023-11-24 17:40:00",
    "2023-11-27 14:35:00",
)


@pytest.mark.parametrize("moment", MOMENTS)
def test_features_known_by_a_moment_ignore_what_came_after_it(moment):
    as_of = pd.Timestamp(moment, tz="UTC")
    before = known(features(), as_of)
    late = minutes()["opens_at"] + pd.Timedelta(minutes=1) > as_of
    cut = compute_intraday_set(minutes()[~late], CONFIG)
    assert len(before) > 1000
    assert differing(before, known(cut, as_of)) == []
    noise = np.random.default_rng(3)
    garbled = minutes().copy()
    for name in ("open", "high", "low", "close", "volume"):
        garbled.loc[late, name] = np.exp(noise.normal(0, 3, late.sum()))
    assert differing(before, known(compute_intraday_set(garbled, CONFIG), as_of)) == []


def test_a_planted_join_onto_an_unfinished_hour_is_caught():
    def leaking(frame):
        made = compute_intraday_set(frame, CONFIG)
        hour = made[made["interval_minutes"] == 60]
        fine = made[made["interval_minutes"] == 5].sort_values("opens_at")
        joined = pd.merge_asof(
            fine.drop(columns="rsi_14_of_60m"),
            hour[["symbol", "opens_at", "rsi_14"]]
            .rename(columns={"rsi_14": "rsi_14_of_60m"})
            .sort_values("opens_at"),
            on="opens_at",
            by="symbol",
        )
        return joined.sort_values(["symbol", "opens_at"], ignore_index=True)

    as_of = pd.Timestamp("2023-11-16 15:05", tz="UTC")
    cut = minutes()[minutes()["opens_at"] < as_of]
    found = differing(known(leaking(minutes()), as_of), known(leaking(cut), as_of))
    assert found == ["rsi_14_of_60m"]


@pytest.mark.parametrize("step", ["7min", "1h", "1D"])
def test_minutes_fed_in_pieces_give_the_history_to_the_bit(step):
    last = {"7min": "2023-09-19", "1h": "2023-09-22", "1D": "2023-11-01"}[step]
    span = minutes()[minutes()["opens_at"] < last]
    whole = compute_intraday_set(span, CONFIG)
    state, parts = IntradayState(CONFIG), []
    edges = pd.date_range(
        pd.Timestamp("2023-09-18", tz="UTC"), span["opens_at"].max().ceil("D"), freq=step
    )
    for begin, end in itertools.pairwise(edges):
        piece = span[(span["opens_at"] >= begin) & (span["opens_at"] < end)]
        parts.append(state.advance(piece, end))
    keys = ["symbol", "closes_at", "interval_minutes"]
    together = pd.concat(parts).sort_values(keys, ascending=[True, True, False], ignore_index=True)
    pd.testing.assert_frame_equal(together, whole, check_exact=True)


def test_one_minute_at_a_time_gives_the_history_to_the_bit():
    opens = minutes()["opens_at"]
    span = minutes()[(opens < "2023-09-18 14:40") | opens.between("2023-09-19", "2023-09-19 14:00")]
    whole = compute_intraday_set(span, CONFIG)
    state = IntradayState(CONFIG)
    parts = [
        state.advance(piece, at + pd.Timedelta(minutes=1))
        for at, piece in span.groupby("opens_at")
        if len(piece)
    ]
    parts.append(state.advance(span.iloc[:0], pd.Timestamp("2023-09-20", tz="UTC")))
    keys = ["symbol", "closes_at", "interval_minutes"]
    together = pd.concat(parts).sort_values(keys, ascending=[True, True, False], ignore_index=True)
    pd.testing.assert_frame_equal(together, whole, check_exact=True)


def test_a_bar_closes_in_time_though_its_symbol_stays_silent():
    start = pd.Timestamp("2023-09-18 13:30", tz="UTC")
    state = IntradayState(CONFIG)
    piece = minutes()[minutes()["opens_at"] < start + pd.Timedelta(minutes=3)]
    assert state.advance(piece, start + pd.Timedelta(minutes=3)).empty
    others = minutes()[minutes()["symbol"] != "AAA"]
    others = others[
        others["opens_at"].between(start + pd.Timedelta(minutes=3), start + pd.Timedelta(minutes=4))
    ]
    made = state.advance(others, start + pd.Timedelta(minutes=5))
    assert sorted(made["symbol"]) == list(SYMBOLS)


def test_minutes_that_come_too_late_are_refused():
    state = IntradayState(CONFIG)
    state.advance(minutes(), None)
    with pytest.raises(ValueError, match="feed them in order"):
        state.advance(minutes().tail(1), None)


def test_a_minute_that_stands_twice_is_refused():
    twice = pd.concat([minutes(), minutes().tail(1)])
    with pytest.raises(ValueError, match="twice"):
        compute_intraday_set(twice, CONFIG)


def test_the_order_of_rows_and_the_number_of_threads_do_not_matter():
    shuffled = minutes().sample(frac=1, random_state=5)
    for threads in (1, 2, 5):
        again = compute_intraday_set(shuffled, CONFIG, threads=threads)
        pd.testing.assert_frame_equal(again, features(), check_exact=True)


def split_at(frame, symbol, date, ratio):
    """Return raw minutes of a symbol that splits: prices fall, volumes grow."""
    raw = frame.copy()
    after = (raw["symbol"] == symbol) & (raw["opens_at"] >= pd.Timestamp(date, tz="UTC"))
    raw.loc[after, ["open", "high", "low", "close"]] /= ratio
    raw.loc[after, "volume"] *= ratio
    opens = hours(date, date)["opens_at"].iloc[0]
    actions = pd.DataFrame(
        {
            "symbol": [symbol, symbol],
            "ex_date": pd.to_datetime([date, "2023-10-20"]),
            "action": ["split", "dividend"],
            "ratio": [ratio, np.nan],
            "amount_usd": [np.nan, 0.2],
            "known_at": [opens, opens],
        }
    )
    return raw, actions


def test_a_split_changes_no_feature():
    raw, actions = split_at(minutes(), "BBB", "2023-11-01", 4.0)
    made = compute_intraday_set(raw, CONFIG, actions)
    pd.testing.assert_frame_equal(made, features(), check_exact=True)
    ignored = compute_intraday_set(raw, CONFIG)
    jumped = ignored[ignored["opens_at"] >= "2023-11-01"]["atr_14"].max()
    assert jumped > 5 * features()["atr_14"].max()


def test_a_split_that_became_known_late_holds_its_rows_back():
    raw, actions = split_at(minutes(), "BBB", "2023-11-01", 4.0)
    told = pd.Timestamp("2023-11-02 12:00", tz="UTC")
    made = compute_intraday_set(raw, CONFIG, actions.assign(known_at=told))
    since = (made["symbol"] == "BBB") & (made["session_date"] >= "2023-11-01")
    assert (made.loc[since, "known_at"] >= told).all()
    assert (made.loc[~since, "known_at"] == made.loc[~since, "closes_at"]).all()


def test_no_feature_reads_a_level_of_price_or_volume():
    scaled = minutes().copy()
    scaled[["open", "high", "low", "close"]] *= 0.0037
    scaled["volume"] *= 31.0
    again = compute_intraday_set(scaled, CONFIG)
    for name in NAMES:
        # A price on the edge of a profile's bin may round into its neighbour.
        ours, theirs = features()[name].to_numpy(), again[name].to_numpy()
        off = ~np.isclose(ours, theirs, rtol=1e-6, atol=1e-7, equal_nan=True)
        assert off.mean() <= (0.005 if "control" in name or "share_above" in name else 0), name


def test_a_half_day_cuts_its_last_hour_at_the_close():
    half = on(features().query("symbol == 'AAA'"), "2023-11-24")
    last = half[half["interval_minutes"] == 60].iloc[-1]
    assert last["opens_at"] == pd.Timestamp("2023-11-24 17:30", tz="UTC")
    assert last["closes_at"] == pd.Timestamp("2023-11-24 18:00", tz="UTC")
    assert (half["minutes_since_open"] + half["minutes_to_close"] == 210).all()
    assert last["time_bucket"] == 4


def test_bars_count_from_the_open_before_and_after_daylight_saving_ends():
    opens = features().query("symbol == 'AAA' and interval_minutes == 5")
    first = opens.groupby("session_date")["opens_at"].min()
    local = first.dt.tz_convert("America/New_York")
    assert set(local.dt.strftime("%H:%M")) <= {"09:30", "09:35"}
    assert {13, 14} == set(first.dt.hour)
    assert (opens["minutes_since_open"] % 5 == 0).all()


def test_missing_minutes_are_never_filled_in():
    quiet = minutes()[
        ~minutes()["opens_at"].between("2023-11-15 15:00", "2023-11-15 15:24", inclusive="both")
    ]
    made = compute_intraday_set(quiet, CONFIG)
    inside = made[
        (made["closes_at"] > "2023-11-15 15:00") & (made["opens_at"] < "2023-11-15 15:20")
    ]
    assert set(inside["interval_minutes"]) <= {10, 15, 60}
    assert not made[["interval_minutes", "opens_at"]].assign(s=made["symbol"]).duplicated().any()
    assert len(made) < len(features())


def test_session_features_are_those_of_a_plain_reading():
    symbol, date = "CCC", "2023-11-08"
    day = minutes()[
        (minutes()["symbol"] == symbol) & (minutes()["opens_at"].dt.strftime("%Y-%m-%d") == date)
    ]
    own = on(features().query("symbol == @symbol"), date)
    early = day[day["opens_at"] < pd.Timestamp(f"{date} 15:00", tz="UTC")]
    high, low = early["high"].max(), early["low"].min()
    for row in own.itertuples():
        seen = day[day["opens_at"] < row.closes_at]
        typical = (seen["high"] + seen["low"] + seen["close"]) / 3
        close = seen["close"].iloc[-1]
        vwap = (typical * seen["volume"]).sum() / seen["volume"].sum()
        assert row.vwap_distance == pytest.approx(close / vwap - 1, abs=1e-12)
        assert row.session_return == pytest.approx(close / day["open"].iloc[0] - 1, abs=1e-12)
        width = CONFIG.profile_bin_bps / 1e4
        bins = np.floor(np.log(typical / day["open"].iloc[0]) / width)
        own_bin = np.floor(np.log(close / day["open"].iloc[0]) / width)
        above = seen.loc[bins > own_bin, "volume"].sum() / seen["volume"].sum()
        assert row.volume_share_above == pytest.approx(above, abs=1e-9)
        busiest = seen["volume"].groupby(bins).sum().idxmax()
        control = day["open"].iloc[0] * np.exp((busiest + 0.5) * width)
        assert row.control_distance == pytest.approx(close / control - 1, abs=1e-9)
        if row.minutes_since_open >= 30:
            place = (close - low) / (high - low)
            assert row.opening_range_place == pytest.approx(place, abs=1e-9)
        else:
            assert np.isnan(row.opening_range_place)


def test_relative_volume_compares_a_bar_with_its_own_past_sessions():
    bars = plain_bars(minutes(), 15).query("symbol == 'AAA'").reset_index(drop=True)
    n = CONFIG.volume_sessions
    mean = bars.groupby("slot")["volume"].transform(lambda s: s.shift().rolling(n).mean())
    wanted = np.log(bars["volume"] / mean)
    own = of(features(), "AAA", 15)[f"relative_volume_{n}"]
    np.testing.assert_allclose(own, wanted, rtol=1e-9, atol=1e-12)
    assert own.notna().sum() > 300


def test_the_past_control_price_is_that_of_completed_sessions_only():
    n = CONFIG.profile_sessions
    own = of(features(), "AAA", 60)
    implied = own.groupby("session_date").apply(
        lambda day: _implied(minutes(), day, f"control_distance_{n}"), include_groups=False
    )
    assert implied.iloc[:n].isna().all()
    for date, price in implied.iloc[n:].items():
        place = int(np.searchsorted(session_table()["session_date"], date))
        dates = session_dates(np.arange(place - n, place))
        past = minutes()[
            (minutes()["symbol"] == "AAA")
            & minutes()["opens_at"].dt.tz_localize(None).dt.normalize().isin(dates)
        ]
        typical = (past["high"] + past["low"] + past["close"]) / 3
        width = CONFIG.profile_bin_bps / 1e4
        volume = past["volume"].groupby(np.floor(np.log(typical / price) / width + 0.5)).sum()
        # The bins of the sessions meet on the newest one's grid, which moves each by half a bin.
        assert volume[abs(volume.index) <= 1].max() >= 0.5 * volume.max()


def _implied(frame, day, column):
    seen = frame[(frame["symbol"] == "AAA") & (frame["opens_at"] < day["closes_at"].iloc[-1])]
    return seen["close"].iloc[-1] / (1 + day[column].iloc[-1])


def test_a_missing_volume_spoils_only_what_reads_it():
    holed = minutes().copy()
    hole = holed.index[(holed["symbol"] == "AAA") & (holed["opens_at"] >= "2023-11-08 15:00")][0]
    holed.loc[hole, "volume"] = np.nan
    made = compute_intraday_set(holed, CONFIG)
    traded = {f.name for f in REGISTRY if "volume" in f.inputs}
    assert set(differing(made, features())) <= traded
    day = on(of(made, "AAA", 5), "2023-11-08")
    assert day["vwap_distance"].isna().any()
    after = on(of(made, "AAA", 5), "2023-11-16")
    assert after[["mfi_14", "obv_change_20", "vwap_distance"]].notna().all(axis=None)


def test_a_symbol_begins_anew_after_too_long_a_gap():
    away = minutes()[
        (minutes()["opens_at"] < "2023-09-25") | (minutes()["opens_at"] >= "2023-10-30")
    ]
    late = minutes()[minutes()["opens_at"] >= "2023-10-30"]
    since = compute_intraday_set(away, CONFIG)
    since = since[since["opens_at"] >= "2023-10-30"]
    pd.testing.assert_frame_equal(
        since.reset_index(drop=True), compute_intraday_set(late, CONFIG), check_exact=True
    )


def test_every_feature_is_missing_through_its_warm_up_and_settled_after_it():
    start = "2023-09-28"
    short = compute_intraday_set(minutes()[minutes()["opens_at"] >= start], CONFIG)
    for feature in REGISTRY:
        own = of(short, "AAA", feature.timeframe_minutes)[feature.name]
        whole = of(features(), "AAA", feature.timeframe_minutes)
        whole = whole[whole["opens_at"] >= start][feature.name].reset_index(drop=True)
        needed = feature.lookback_sessions - 1
        settled = own.iloc[needed:]
        assert settled.notna().any(), feature.name
        gap = np.nanmax(np.abs(settled - whole.iloc[needed:]))
        assert gap <= 0.02 * np.nanstd(whole) + 1e-12, feature.name


def test_the_registry_names_every_column_at_every_timeframe_it_can_have():
    for interval in INTERVALS_MINUTES:
        named = [f.name for f in REGISTRY if f.timeframe_minutes == interval]
        present = features().query("interval_minutes == @interval")[NAMES].notna().any()
        assert sorted(named) == sorted(present.index[present])
    assert list(features().columns) == [*KEYS, *NAMES]


def test_windows_come_from_the_settings():
    changed = CONFIG.model_copy(update={"rsi_bars": (5, 21), "macd_bars": ((5, 13, 4),)})
    made = of(compute_intraday_set(minutes(), changed), "AAA", 15)
    close = of(plain_bars(minutes(), 15).assign(interval_minutes=15), "AAA", 15)["close"].to_numpy()
    for n in (5, 21):
        np.testing.assert_allclose(
            made[f"rsi_{n}"][8 * n :], talib.RSI(close, n)[8 * n :], rtol=1e-9
        )
    line = talib.MACD(close, 5, 13, 4)[0] / close
    np.testing.assert_allclose(made["macd_5_13_4"][68:], line[68:], rtol=1e-6, atol=1e-12)
    assert "rsi_21_of_60m" in made
    with pytest.raises(ValueError, match="twice"):
        column_names(CONFIG.model_copy(update={"rsi_bars": (14, 14)}))


def test_no_minutes_give_no_rows():
    empty = compute_intraday_set(minutes().iloc[:0], CONFIG)
    assert list(empty.columns) == [*KEYS, *NAMES]
    assert empty.empty


def test_chunks_in_their_order_are_the_whole():
    more = pd.concat(
        [minutes(), *(minutes().assign(symbol=minutes()["symbol"] + str(n)) for n in range(5))]
    )
    assert len(more) > 1.5 * CHUNK_MINUTES
    chunks = list(intraday_chunks(more, CONFIG))
    assert len(chunks) > 1
    whole = compute_intraday_set(more, CONFIG)
    pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), whole, check_exact=True)
