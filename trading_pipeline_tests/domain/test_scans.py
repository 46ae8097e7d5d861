"""What a scan watches and the market it says it ran in: by hand, by rule, and known at the time."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.selloffs_config import ScanConfig, SelloffsConfig
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.scans.conditions import market_conditions, time_of_day
from trading_pipeline.domain.scans.history import ScanResult, scan_id_of, scan_row
from trading_pipeline.domain.scans.rating import POINTS, rating_parts, tech_ratings
from trading_pipeline.domain.scans.universe import ScanUniverse
from trading_pipeline_tests.domain.features_market import FIRST, MARKET, made_market
from trading_pipeline_tests.domain.settings_of import shipped

CALENDAR = session_table()
LAST = 410
DATE = CALENDAR["session_date"].iloc[FIRST + LAST]
MADE = made_market()
SECTORS = {
    "AAA": "Energy",
    "BBB": "Energy",
    "CCC": "Energy",
    "EEE": "Utilities",
    "FFF": "Utilities",
}


def scan(**changes):
    return shipped(ScanConfig, "scan", **changes)


def listed(bars, universe):
    first = bars.groupby("symbol")["session"].min().map(CALENDAR["session_date"])
    return universe.merge(first.rename("first_date"), left_on="symbol", right_index=True)


def sectors(names=SECTORS):
    return pd.DataFrame(
        {
            "symbol": list(names),
            "gics_sector": list(names.values()),
            "gics_sub_industry": [f"{name} of {symbol[0]}" for symbol, name in names.items()],
        }
    )


def minute_volumes(symbol="SIM", n=30, until=LAST):
    dates = CALENDAR["session_date"].iloc[FIRST + until - n : FIRST + until]
    volumes = np.arange(n, dtype=float) + 1e6
    return pd.DataFrame({"symbol": symbol, "session_date": dates, "dollar_volume": volumes})


def made_universe(bars=None, minutes=None, shuffle=None):
    bars = MADE["bars"] if bars is None else bars
    minutes = minute_volumes() if minutes is None else minutes
    universe = listed(bars, MADE["universe"])
    if len(minutes):
        row = {"symbol": "SIM", "kind": "equity", "is_index": False}
        row["first_date"] = minutes["session_date"].min()
        universe = pd.concat([universe, pd.DataFrame([row])], ignore_index=True)
    frames = [bars, minutes, universe, sectors()]
    if shuffle is not None:
        frames = [frame.sample(frac=1, random_state=shuffle) for frame in frames]
    return ScanUniverse(*frames)


@pytest.fixture(scope="module")
def universe():
    return made_universe()


def watched_of(rows):
    return set(rows.loc[rows["is_watched"], "symbol"])


def smooth_bars(closes_by_symbol, volume_by_symbol):
    parts = []
    for symbol, closes in closes_by_symbol.items():
        calendar = CALENDAR.iloc[FIRST : FIRST + len(closes)]
        parts.append(
            pd.DataFrame(
                {
                    "symbol": symbol,
                    "session": calendar["session"].to_numpy(),
                    "open": closes,
                    "high": closes,
                    "low": closes,
                    "close": closes,
                    "volume": volume_by_symbol[symbol],
                    "adj_factor": 1.0,
                    "prices": "raw",
                    "has_vendor_seam": False,
                    "known_at": calendar["closes_at"].to_numpy(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def rating_by_hand(bars, symbol):
    """Return the rating from its table of parts, with nothing of the program but the points."""
    closes = {
        name: rows.sort_values("session")["close"].to_numpy()
        for name, rows in bars.groupby("symbol")
    }
    own = closes[symbol]
    volume = bars[bars["symbol"] == symbol].sort_values("session")["volume"].to_numpy()
    sma = {n: own[-n:].mean() for n in (20, 50, 200)}
    points = sum(p for n, p in ((20, 5), (50, 10), (200, 15)) if own[-1] > sma[n])
    points += 10 if sma[50] > sma[200] else 0
    year = own[-252:]
    points += 15 * (own[-1] - year.min()) / (year.max() - year.min())
    for n, weight in ((20, 10), (63, 15), (126, 10)):
        past = sorted(c[-1] / c[-1 - n] for c in closes.values())
        points += weight * past.index(own[-1] / own[-1 - n]) / (len(past) - 1)
    change = np.diff(own)
    gain, loss = np.maximum(change, 0), np.maximum(-change, 0)
    up, down = gain[:14].mean(), loss[:14].mean()
    for g, fall in zip(gain[14:], loss[14:], strict=True):
        up, down = (13 * up + g) / 14, (13 * down + fall) / 14
    points += 5 * min(max((100 * up / (up + down) - 30) / 40, 0), 1)
    balance = np.cumsum(np.r_[volume[0], np.sign(change) * volume[1:]])
    return points + (5 if np.polyfit(np.arange(20), balance[-20:], 1)[0] > 0 else 0)


def test_a_rating_is_the_sum_of_its_parts_computed_by_hand():
    rng = np.random.default_rng(5)
    drifts = {"UP": 0.002, "FLAT": 0.0, "DOWN": -0.002}
    closes = {s: 50 * np.exp(np.cumsum(rng.normal(d, 0.01, 300))) for s, d in drifts.items()}
    bars = smooth_bars(closes, {s: rng.integers(1e5, 1e6, 300).astype(float) for s in drifts})
    after = CALENDAR["session_date"].iloc[FIRST + 300]
    ratings = tech_ratings(rating_parts(bars), after, 20)
    expected = {symbol: rating_by_hand(bars, symbol) for symbol in drifts}
    assert ratings.to_dict() == pytest.approx(expected, abs=1e-9)
    assert ratings["UP"] > ratings["FLAT"] > ratings["DOWN"]


def test_all_points_together_are_a_hundred_and_a_symbol_that_only_rises_gets_them():
    assert sum(POINTS.values()) == 100
    rising, falling = np.linspace(50, 100, 260), np.linspace(100, 50, 260)
    volume = np.full(260, 1e6)
    bars = smooth_bars({"UP": rising, "DOWN": falling}, {"UP": volume, "DOWN": volume})
    ratings = tech_ratings(rating_parts(bars), CALENDAR["session_date"].iloc[FIRST + 260], 20)
    assert ratings.to_dict() == {"UP": pytest.approx(100), "DOWN": pytest.approx(0)}


def test_a_short_history_no_volume_or_nobody_to_be_ranked_against_gives_no_rating(universe):
    ratings = universe.at(DATE, scan()).set_index("symbol")["tech_rating"]
    assert ratings[["AAA", "BBB"]].between(0, 100).all()
    assert ratings[["FFF", "SIM"]].isna().all()
    early = universe.at(CALENDAR["session_date"].iloc[FIRST + 251], scan())
    assert early["tech_rating"].isna().all()
    alone = rating_parts(MADE["bars"][MADE["bars"]["symbol"] == "AAA"])
    assert tech_ratings(alone, DATE, 20).isna().all()


def test_a_bar_that_was_withheld_does_not_rate_its_symbol_until_it_is_known(universe):
    bars = MADE["bars"]
    without = bars[~((bars["symbol"] == "EEE") & (bars["session"] == FIRST + 400))]
    day = CALENDAR["session_date"].iloc[FIRST + 401]
    rows, blind = (
        u.at(day, scan()).set_index("symbol") for u in (universe, made_universe(without))
    )
    columns = ["tech_rating", "dollar_volume"]
    pd.testing.assert_frame_equal(rows[columns], blind[columns])


def test_missing_rating_or_dollar_volume_passes_no_minimum_above_zero(universe):
    assert {"FFF", "SIM"} <= watched_of(universe.at(DATE, scan()))
    rated = universe.at(DATE, scan(min_tech_rating=1)).set_index("symbol")
    assert rated.loc["SIM", "reason"] == "technical rating is not known"
    traded = universe.at(DATE, scan(min_dollar_volume=1)).set_index("symbol")
    assert traded.loc["FFF", "reason"] == "dollar volume is not known"
    assert traded.loc["SIM", "is_watched"]


def test_dollar_volume_is_the_median_session_of_the_lookback_and_a_split_does_not_move_it(universe):
    rows = universe.at(DATE, scan(lookback_days=20)).set_index("symbol")
    for symbol in ("AAA", "BBB"):
        bars = MADE["bars"].query("symbol == @symbol and @FIRST + @LAST - 20 <= session")
        bars = bars[bars["session"] < FIRST + LAST]
        assert rows.loc[symbol, "dollar_volume"] == (bars["close"] * bars["volume"]).median()
    assert rows.loc["SIM", "dollar_volume"] == minute_volumes()["dollar_volume"][-20:].median()


def test_prices_that_carry_dividends_tell_no_dollar_volume_so_minutes_do():
    bars = MADE["bars"].assign(prices="total")
    minutes = minute_volumes("AAA")
    rows = made_universe(bars, minutes).at(DATE, scan()).set_index("symbol")
    assert rows.loc["AAA", "dollar_volume"] == minutes["dollar_volume"][-20:].median()
    assert np.isnan(rows.loc["BBB", "dollar_volume"])


def test_only_listed_equities_are_watched_and_every_other_symbol_says_why(universe):
    rows = universe.at(DATE, scan()).set_index("symbol")
    assert rows.loc[["ETF", "IDX"], "reason"].tolist() == [
        "not an equity: etf",
        "not an equity: index",
    ]
    assert rows.loc["CCC", "reason"] == "no bar in the last 20 sessions"
    assert ((rows["reason"] == "") == rows["is_watched"]).all()
    before = universe.at(CALENDAR["session_date"].iloc[FIRST + 29], scan())
    assert "BBB" not in before["symbol"].to_numpy()
    on_the_day = universe.at(CALENDAR["session_date"].iloc[FIRST + 30], scan())
    assert "BBB" in watched_of(on_the_day)


def test_sectors_and_industries_are_asked_for_by_name(universe):
    assert watched_of(universe.at(DATE, scan(sectors=["Energy"]))) == {"AAA", "BBB"}
    assert watched_of(universe.at(DATE, scan(industries=["Utilities of E"]))) == {"EEE"}
    rows = universe.at(DATE, scan(sectors=["Energy"])).set_index("symbol")
    assert rows.loc["EEE", "reason"] == "sector is not asked for: Utilities"
    assert rows.loc["DDD", "reason"] == "sector is unknown"


@pytest.mark.parametrize(
    ("field", "known"), [("sectors", "Energy, Utilities"), ("industries", "Energy of A")]
)
def test_an_unknown_name_is_bad_input_that_tells_the_known_ones(universe, field, known):
    with pytest.raises(InputError, match=rf"\[scan\] {field} names Mining.*{known}"):
        universe.at(DATE, scan(**{field: ["Mining"]}))


@pytest.mark.parametrize("field", ["sectors", "industries"])
def test_a_name_asked_for_where_the_data_have_none_is_bad_input(field):
    bare = ScanUniverse(
        MADE["bars"],
        minute_volumes(n=0),
        listed(MADE["bars"], MADE["universe"]),
        sectors({}),
    )
    with pytest.raises(InputError, match=f"no symbol of the data has one.*leave {field} empty"):
        bare.at(DATE, scan(**{field: ["Energy"]}))


def test_the_cut_keeps_the_most_traded_and_ties_go_by_name():
    bars = MADE["bars"].assign(close=10.0, volume=100.0, prices="raw")
    universe = made_universe(bars, minute_volumes(n=0))
    rows = universe.at(DATE, scan(max_symbols=2)).set_index("symbol")
    assert watched_of(rows.reset_index()) == {"AAA", "BBB"}
    assert rows.loc["DDD", "reason"] == "not among the 2 with most dollar volume"


filters = st.fixed_dictionaries(
    {
        "min_tech_rating": st.sampled_from([0, 20, 40, 60, 80]),
        "min_dollar_volume": st.sampled_from([0, 1e6, 1e8, 3e8]),
        "sectors": st.sampled_from([[], ["Energy"], ["Energy", "Utilities"]]),
    }
)
sessions = st.integers(260, LAST)


@settings(deadline=None, max_examples=15)
@given(filters, filters, sessions)
def test_a_stricter_filter_never_adds_a_symbol(universe, one, other, at):
    both = {name: max(one[name], other[name]) for name in ("min_tech_rating", "min_dollar_volume")}
    asked = [set(f["sectors"] or SECTORS.values()) for f in (one, other)]
    both["sectors"] = sorted(asked[0] & asked[1]) if one["sectors"] or other["sectors"] else []
    date = CALENDAR["session_date"].iloc[FIRST + at]
    strict, loose = (watched_of(universe.at(date, scan(**f))) for f in (both, one))
    assert strict <= loose


@settings(deadline=None, max_examples=15)
@given(st.integers(1, 6), st.integers(0, 3), st.sampled_from([0, 1e6, 1e8, 3e8]), sessions)
def test_fewer_symbols_or_more_dollars_never_add_a_symbol(universe, most, fewer, dollars, at):
    date = CALENDAR["session_date"].iloc[FIRST + at]
    loose = universe.at(date, scan(max_symbols=most))
    strict = scan(max_symbols=max(most - fewer, 1), min_dollar_volume=dollars)
    assert watched_of(universe.at(date, strict)) <= watched_of(loose)
    assert loose["is_watched"].sum() <= most


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 10_000), sessions)
def test_the_order_of_the_rows_never_matters(universe, seed, at):
    date = CALENDAR["session_date"].iloc[FIRST + at]
    config = scan(max_symbols=3)
    shuffled = made_universe(shuffle=seed).at(date, config)
    pd.testing.assert_frame_equal(shuffled, universe.at(date, config))


@settings(deadline=None, max_examples=10)
@given(st.integers(35, LAST))
def test_what_comes_after_the_open_never_changes_what_is_watched(universe, at):
    session = FIRST + at
    date, opens_at = CALENDAR.loc[session, ["session_date", "opens_at"]]
    bars, minutes = MADE["bars"], minute_volumes()
    known = (bars["session"] < session) & (pd.DatetimeIndex(bars["known_at"]) <= opens_at)
    cut = made_universe(bars[known], minutes[minutes["session_date"] < date])
    config = scan(max_symbols=3, min_dollar_volume=10)
    pd.testing.assert_frame_equal(cut.at(date, config), universe.at(date, config))


def index_bars(n=LAST):
    bars = MADE["bars"]
    return bars[(bars["symbol"] == "IDX") & (bars["session"] < FIRST + n)]


def moment_of(at, time="11:00"):
    day = CALENDAR["session_date"].iloc[FIRST + at]
    return pd.Timestamp(f"{day:%Y-%m-%d} {time}", tz="America/New_York").tz_convert("UTC")


def test_conditions_are_those_of_the_session_before_by_hand():
    found = market_conditions(moment_of(LAST), index_bars(), MADE["vix"])
    close = index_bars()["close"] * index_bars()["adj_factor"]
    close = close.to_numpy()
    logs = np.diff(np.log(close[-21:]))
    volatility = logs.std(ddof=1) * np.sqrt(252)
    assert found.annualised_volatility == pytest.approx(volatility)
    assert found.return_5d == pytest.approx(close[-1] / close[-6] - 1)
    assert found.return_20d == pytest.approx(close[-1] / close[-21] - 1)
    momentum = found.return_20d / (2 * volatility * np.sqrt(20 / 252))
    assert found.momentum == pytest.approx(np.clip(momentum, -1, 1))
    day_before = CALENDAR["session_date"].iloc[FIRST + LAST - 1]
    assert found.vix == MADE["vix"].set_index("session_date").at[day_before, "close"]


@pytest.mark.parametrize(
    ("closes", "trend"),
    [
        (np.linspace(50, 100, 60), "up"),
        (np.linspace(100, 50, 60), "down"),
        (np.r_[np.linspace(50, 100, 59), 60.0], "neutral"),
    ],
)
def test_the_trend_is_up_down_or_neutral_by_its_two_averages(closes, trend):
    bars = smooth_bars({"IDX": closes}, {"IDX": np.full(60, 1.0)})
    assert market_conditions(moment_of(60), bars, MADE["vix"]).spy_trend == trend
    limits = {"up": 1.0, "down": -1.0}
    if trend in limits:
        assert market_conditions(moment_of(60), bars, MADE["vix"]).momentum == limits[trend]


def test_a_missing_index_or_vix_is_missing_and_never_a_number():
    no_index, no_vix = index_bars().iloc[:0], MADE["vix"].iloc[:0]
    found = market_conditions(moment_of(LAST), no_index, no_vix)
    assert found.spy_trend is None
    measures = ("annualised_volatility", "momentum", "return_5d", "return_20d", "vix")
    assert all(np.isnan(getattr(found, name)) for name in measures)
    stale = market_conditions(moment_of(LAST + 1), index_bars(), no_vix)
    assert stale.spy_trend is None


@settings(deadline=None, max_examples=12)
@given(st.integers(60, LAST - 1), st.sampled_from(["04:00", "09:30", "15:59", "17:00", "23:00"]))
def test_what_comes_after_a_moment_never_changes_its_conditions(at, time):
    moment = moment_of(at, time)
    bars, vix = index_bars(), MADE["vix"]
    whole = market_conditions(moment, bars, vix)
    cut = [frame[pd.DatetimeIndex(frame["known_at"]) <= moment] for frame in (bars, vix)]
    assert market_conditions(moment, *cut) == whole
    assert whole.spy_trend is not None


@pytest.mark.parametrize(
    ("local", "word", "is_open"),
    [
        ("2024-03-05 09:29", "pre_market", False),
        ("2024-03-05 09:30", "opening", True),
        ("2024-03-05 10:00", "opening", True),
        ("2024-03-05 10:01", "morning", True),
        ("2024-03-05 11:31", "midday", True),
        ("2024-03-05 13:31", "afternoon", True),
        ("2024-03-05 15:01", "power_hour", True),
        ("2024-03-05 16:00", "after_hours", False),
        ("2024-11-29 12:01", "power_hour", True),
        ("2024-11-29 13:00", "after_hours", False),
        ("2024-03-09 11:00", "after_hours", False),
    ],
)
def test_the_time_of_day_follows_the_exchange_calendar_half_days_included(local, word, is_open):
    moment = pd.Timestamp(local, tz="America/New_York").tz_convert("UTC")
    assert time_of_day(moment) == word
    found = market_conditions(moment, index_bars().iloc[:0], MADE["vix"].iloc[:0])
    assert (found.is_market_hours, found.time_of_day) == (is_open, word)
    assert found.day_of_week == (
        "saturday" if "03-09" in local else pd.Timestamp(local).day_name().lower()
    )


def test_real_conditions_tell_the_crash_of_2020_and_the_calm_of_2017():
    files = [MARKET / "daily/etfs_stooq.parquet", MARKET / "vix.parquet"]
    if not all(Path(file).exists() for file in files):
        pytest.skip("the real market is not beside the tree")
    bars = pd.read_parquet(files[0]).query("symbol == 'SPY'")
    dates = pd.DatetimeIndex(bars["ts"]).tz_localize(None).normalize()
    bars = bars.assign(session_date=dates).merge(CALENDAR, on="session_date")
    bars = bars.assign(
        adj_factor=1.0, prices="total", has_vendor_seam=False, known_at=bars["closes_at"]
    )
    vix = pd.read_parquet(files[1])
    day = pd.DatetimeIndex(vix["ts"]).tz_localize(None).normalize()
    vix = vix.assign(session_date=day, known_at=day.tz_localize("UTC") + pd.Timedelta(hours=21))

    def told(text):
        return market_conditions(
            pd.Timestamp(text, tz="America/New_York").tz_convert("UTC"), bars, vix
        )

    crash, calm = told("2020-03-17 10:00"), told("2017-10-16 10:00")
    assert (crash.spy_trend, crash.vix) == ("down", 82.69)
    assert crash.annualised_volatility > 0.6
    assert crash.momentum < -0.5
    assert crash.return_20d < -0.2
    assert (calm.spy_trend, calm.vix) == ("up", 9.61)
    assert calm.annualised_volatility < 0.08
    assert calm.return_5d > -0.01


RESULT = ScanResult(moment_of(LAST), 0.5, 3, 2, 1, 0)


def row_of(mode="live", moment=None, model="m1", **changes):
    moment = moment_of(LAST) if moment is None else moment
    conditions = market_conditions(moment, index_bars(), MADE["vix"])
    selloffs = shipped(SelloffsConfig, "selloffs")
    return scan_row(mode, DATE, moment, scan(**changes), selloffs, model, RESULT, conditions)


def test_the_id_of_a_scan_follows_from_what_decides_its_results_alone():
    first = row_of()
    assert row_of() == first
    assert row_of(sectors=["B", "A"])["scan_id"] == row_of(sectors=["A", "B"])["scan_id"]
    assert row_of(poll_seconds=99)["scan_id"] == first["scan_id"]
    others = [
        row_of("replay"),
        row_of(moment=moment_of(LAST, "11:01")),
        row_of(model="m2"),
        row_of(model=None),
        row_of(max_symbols=7),
        row_of(sectors=["A"]),
    ]
    assert len({first["scan_id"], *(row["scan_id"] for row in others)}) == len(others) + 1
    assert json.loads(row_of(sectors=["B", "A"])["sectors_json"]) == ["A", "B"]
    selloffs = shipped(SelloffsConfig, "selloffs")
    whole = ("live", DATE, moment_of(LAST), scan(), selloffs, "m1")
    assert scan_id_of(*whole) == first["scan_id"]
    assert scan_id_of(*whole, ["B", "A"]) == scan_id_of(*whole, ["A", "B"]) != first["scan_id"]
