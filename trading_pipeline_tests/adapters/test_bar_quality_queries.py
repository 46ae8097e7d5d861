"""The SQL that counts and measures, held against plain pandas; on real data where it is at hand."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from trading_pipeline.adapters.market_folder import MarketFolder
from trading_pipeline.adapters.market_relations import SESSION_CALENDAR, composed
from trading_pipeline.contracts.data_config import BarsConfig
from trading_pipeline.domain.bars.clean import clean_daily
from trading_pipeline.domain.bars.minutes import session_hours
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.bars.spreads import modelled_spreads, spread_table
from trading_pipeline.domain.bars.universe import DELISTED_AFTER_SESSIONS
from trading_pipeline.domain.bars.volume_breaks import find_volume_breaks
from trading_pipeline_tests.adapters.test_minute_queries import hours, market, minutes, query, run
from trading_pipeline_tests.domain.settings_of import shipped

MARKET = Path(__file__).resolve().parents[3] / "shared" / "market"
needs_market = pytest.mark.skipif(
    not MARKET.is_dir(), reason="no real market data beside the checkout (../shared/market)"
)
BARS = shipped(BarsConfig, "bars")
DAILY = {"symbol": "AAA", "session_date": pd.NaT, "close": 1.0, "adj_factor": 1.0, "volume": 1.0}


def connected(threads=1, **tables):
    """Return a database with the tables of schema `bars`."""
    connection = duckdb.connect()
    connection.execute(f"set TimeZone = 'UTC'; set threads = {threads}; create schema bars")
    for name, frame in tables.items():
        connection.register("incoming", frame)
        connection.execute(f"create table bars.{name} as from incoming")
        connection.unregister("incoming")
    return connection


def asked(connection, name, span=None, **params):
    """Return the rows of a query of `bars/`; with a span, over the calendar's sessions in it."""
    sql = query(name)
    if span:
        sql = composed(sql, {"session_calendar": SESSION_CALENDAR})
        params["sessions"] = session_hours(*(pd.Timestamp(day).date() for day in span))
    return connection.execute(sql, params).df()


def covered(clean):
    """Return the coverage of minute bars, minute by minute of the calendar."""
    rows = []
    table = session_table().set_index("session_date")
    for symbol, bars in clean.groupby("symbol"):
        first, last = bars["session_date"].min(), bars["session_date"].max()
        for day, session in table.loc[first:last].iterrows():
            grid = pd.date_range(session.opens_at, session.closes_at, freq="min", inclusive="left")
            here = bars[bars["session_date"] == day]
            is_there = grid.isin(here["opens_at"])
            run_of = np.cumsum(is_there)[~is_there]
            gap = int(pd.Series(run_of).value_counts().max()) if len(run_of) else 0
            n = int(is_there.sum())
            rows.append((symbol, day, len(grid), n, len(grid) - n, gap, len(here) - n))
    names = ["symbol", "session_date", "n_expected", "n_minutes", "n_missing"]
    return pd.DataFrame(rows, columns=[*names, "longest_gap_minutes", "n_extended"])


@pytest.mark.parametrize("share", [0.05, 0.8, 1.1])
def test_coverage_counts_every_minute_of_the_calendar(tmp_path, share):
    raw = minutes(share=share)
    # BBB does not trade on the middle session, nor AAA in the last half hour of the first.
    on = raw["ts"].dt.normalize()
    raw = raw[(raw["symbol"] == "AAA") | (on != "2020-03-09")]
    raw = raw[(raw["symbol"] == "BBB") | ~raw["ts"].between("2020-03-06 20:30", "2020-03-06 22:00")]
    clean, _ = run(market(tmp_path, {"minute/one.parquet": raw}))
    got = asked(connected(minute=clean), "coverage", ("2020-03-01", "2020-12-01"))
    pd.testing.assert_frame_equal(got, covered(clean), check_dtype=False)
    empty = got[(got["symbol"] == "BBB") & (got["session_date"] == "2020-03-09")].iloc[0]
    assert empty[["n_expected", "n_minutes", "longest_gap_minutes"]].tolist() == [390, 0, 390]
    half = got[got["session_date"] == "2020-11-27"]
    assert (half["n_expected"] == 210).all()


def test_coverage_of_nothing_is_empty(tmp_path):
    clean, _ = run(market(tmp_path, {"minute/one.parquet": minutes()}))
    assert asked(connected(minute=clean.iloc[:0]), "coverage", ("2020-03-01", "2020-12-01")).empty


def quoted(tmp_path, half_bps, seed=4):
    """Return clean quotes around a moving mid with a planted half-spread per minute."""
    random = np.random.default_rng(seed)
    parts = []
    for opens, closes in hours().itertuples(index=False):
        wide = pd.date_range(opens - pd.Timedelta("1h"), closes, freq="min", inclusive="left")
        mid = 80 * np.exp(np.cumsum(random.normal(0, 1e-4, len(wide))))
        since = (wide - opens).total_seconds().to_numpy() / 60
        half = half_bps(since) / 1e4
        frame = {"symbol": "AAA", "ts": wide.tz_localize(None)}
        frame |= {"bid_close": mid * (1 - half), "ask_close": mid * (1 + half)}
        parts.append(pd.DataFrame(frame))
    raw = pd.concat(parts, ignore_index=True)
    return run(market(tmp_path, {"quotes/one.parquet": raw}), kind="quotes")[0]


SPAN = ("2020-03-01", "2020-12-01")


def test_a_planted_spread_is_recovered_by_time_of_the_session(tmp_path):
    clean = quoted(tmp_path, lambda since: np.where(since < 30, 9.0, 4.0))
    got = asked(
        connected(quotes=clean), "quote_spreads", SPAN, bucket_minutes=30, high_quantile=0.9
    )
    assert got["bucket_minute"].tolist() == list(range(0, 390, 30))
    np.testing.assert_allclose(got["half_spread_bps"], [9.0, *[4.0] * 12], rtol=1e-9)
    assert got["n_quotes"].tolist() == [90] * 7 + [60] * 6
    assert (got["n_unusable"] == 0).all()


def test_locked_crossed_and_empty_quotes_are_counted_and_left_out(tmp_path):
    clean = quoted(tmp_path, lambda since: np.full(len(since), 5.0))
    wrong = clean["opens_at"].dt.minute.isin([1, 2, 3])
    broken = clean.assign(
        ask_close=clean["ask_close"].where(clean["opens_at"].dt.minute != 1, clean["bid_close"]),
        bid_close=clean["bid_close"]
        .where(clean["opens_at"].dt.minute != 2, clean["ask_close"] * 1.01)
        .where(clean["opens_at"].dt.minute != 3, 0.0),
    )
    regular = asked(
        connected(quotes=broken), "quote_spreads", SPAN, bucket_minutes=60, high_quantile=0.9
    )
    np.testing.assert_allclose(regular["half_spread_bps"], 5.0, rtol=1e-9)
    np.testing.assert_allclose(regular["half_spread_high_bps"], 5.0, rtol=1e-9)
    opens = hours()["opens_at"].to_numpy()
    inside = pd.Series(False, index=clean.index)
    for when in opens:
        inside |= clean["opens_at"].between(when, when + pd.Timedelta("400min"))
    assert regular["n_unusable"].sum() == (wrong & inside).sum()


def universe(**last):
    return (
        pd.DataFrame(
            [
                ("NEW", "equity", False, "2020-06-01", "2020-12-31", False),
                ("OLD", "equity", False, "2020-01-02", "2020-12-31", False),
                ("GONE", "equity", False, "2020-01-02", "2020-06-15", True),
                ("SPY", "etf", True, "2020-01-02", "2020-12-31", False),
            ],
            columns=["symbol", "kind", "is_index", "first_date", "last_date", "is_delisted"],
        )
        .astype({"first_date": "datetime64[ns]", "last_date": "datetime64[ns]"})
        .assign(is_simulated=False, **last)
    )


def listed(as_of, table=None):
    connection = connected(universe=universe() if table is None else table)
    rows = asked(
        connection,
        "universe_as_of",
        ("2020-01-02", "2021-12-31"),
        as_of=pd.Timestamp(as_of, tz="UTC").to_pydatetime(),
        delisted_after_sessions=DELISTED_AFTER_SESSIONS,
    )
    return set(rows["symbol"])


@pytest.mark.parametrize(
    ("as_of", "symbols"),
    [
        ("2020-01-02 20:59", set()),
        ("2020-01-02 21:00", {"OLD", "GONE", "SPY"}),
        ("2020-06-01 19:59", {"OLD", "GONE", "SPY"}),
        ("2020-06-01 20:00", {"OLD", "GONE", "SPY", "NEW"}),
        # GONE's last bar is of 15 June; the sixth session without one closes on 23 June.
        ("2020-06-23 19:59", {"OLD", "GONE", "SPY", "NEW"}),
        ("2020-06-23 20:00", {"OLD", "SPY", "NEW"}),
        ("2021-06-01 20:00", {"OLD", "SPY", "NEW"}),
    ],
)
def test_the_universe_of_a_moment_knows_no_later_listing_and_no_later_delisting(as_of, symbols):
    assert listed(as_of) == symbols


def test_what_happens_later_changes_no_universe_of_before():
    still = universe().assign(is_delisted=False, last_date=pd.Timestamp("2020-12-31"))
    for as_of in ("2020-03-02 22:00", "2020-06-16 22:00"):
        assert listed(as_of) == listed(as_of, still)


def test_the_model_reads_raw_prices_only_and_makes_days_of_minutes_where_there_are_none(tmp_path):
    clean, _ = run(market(tmp_path, {"minute/one.parquet": minutes(("AAA", "BBB", "CCC"))}))
    days = pd.to_datetime(["2020-03-05", "2020-03-06", "2020-03-09"])
    daily = pd.DataFrame(
        {"symbol": np.repeat(["AAA", "BBB", "DDD"], 3), "session_date": np.tile(days, 3),
         "close": np.tile([10.0, 11.0, 10.0], 3), "adj_factor": 2.0, "volume": 100.0,
         "prices": np.repeat(["raw", "total", "total"], 3)}
    )  # fmt: skip
    daily["known_at"] = closes = (daily["session_date"] + pd.Timedelta("21h")).dt.tz_localize("UTC")
    got = asked(connected(minute=clean, daily=daily), "spread_inputs", n_sessions=2)
    got = got.set_index("symbol")
    assert got.index.tolist() == ["AAA", "BBB", "CCC", "DDD"]
    last = clean[clean["is_regular"] & (clean["session_date"] == "2020-03-09")]
    minute_close = last.groupby("symbol")["close"].last()
    assert got.loc["AAA", "price_usd"] == 10.0
    assert got.loc["BBB", "price_usd"] == minute_close["BBB"]
    assert np.isnan(got.loc["DDD", "price_usd"])
    assert got.loc["AAA", "traded_usd"] == 1050.0
    step = np.log(11 / 10)
    np.testing.assert_allclose(got.loc[["AAA", "DDD"], "volatility"], step / 0.6745)
    assert got.loc["DDD", "known_at"] == closes.max()
    own = clean[clean["is_regular"] & (clean["symbol"] == "CCC")]
    traded = (own["close"] * own["volume"]).groupby(own["session_date"]).sum()
    assert got.loc["CCC", "traded_usd"] == pytest.approx(traded.iloc[-2:].median())


@pytest.fixture(scope="module")
def real():
    """The real minute bars and quotes, cleaned, in a database; no daily bars."""
    folder = MarketFolder.open(MARKET)
    hours_ = session_hours(*folder.minute_span())
    connection = connected(
        daily=pd.DataFrame([DAILY]).assign(
            session_date=pd.Timestamp("2000-01-03"),
            prices="total",
            known_at=pd.Timestamp("2000-01-03 21:00", tz="UTC"),
        )
    )
    for kind, relation in (("minute", folder.minute_relation), ("quotes", folder.quote_relation)):
        raw = relation(())
        relations = {
            f"raw_{kind}": raw.sql,
            "session_calendar": SESSION_CALENDAR,
            f"judged_{kind}": query(f"judged_{kind}"),
        }
        connection.execute(
            f"create table bars.{kind} as {composed(query(kind), relations)}",
            {**raw.params, "sessions": hours_}
            | ({"suspect_jump_ratio": BARS.suspect_jump_ratio} if kind == "minute" else {}),
        )
    return connection


REAL_SPAN = ("2013-10-01", "2026-01-30")


@needs_market
def test_real_minutes_break_on_the_22nd_of_january_2026_and_nowhere_else(real):
    found = find_volume_breaks(asked(real, "minute_volumes"), BARS.volume_breaks)
    assert len(found) == 11
    assert (found["session_date"] == "2026-01-22").all()
    assert (found["ratio"] > 10).all()
    assert (found["known_at"] == pd.Timestamp("2026-01-28 21:00", tz="UTC")).all()


@needs_market
def test_real_spreads_are_those_of_plain_pandas(real):
    got = asked(real, "quote_spreads", REAL_SPAN, bucket_minutes=30, high_quantile=0.9)
    quotes = pd.read_parquet(MARKET / "quotes" / "m1_lean_quotes_2013_2015.parquet")
    quotes = quotes[(quotes["bid_close"] > 0) & (quotes["ask_close"] > quotes["bid_close"])]
    quotes = quotes.drop_duplicates(["symbol", "ts"])
    # The day before Christmas closes at one.
    quotes = quotes[~quotes["ts"].between("2015-12-24 18:00", "2015-12-25 12:00")]
    local = quotes["ts"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    since = (local - local.dt.normalize()).dt.total_seconds() / 60 - 570
    quotes = quotes.assign(bucket_minute=since // 30 * 30)[since.between(0, 389.5)]
    quotes["half"] = (
        (quotes["ask_close"] - quotes["bid_close"])
        / (quotes["ask_close"] + quotes["bid_close"]) * 1e4
    )  # fmt: skip
    plain = quotes.groupby(["symbol", "bucket_minute"])["half"].agg(["median", "size"])
    both = got.set_index(["symbol", "bucket_minute"]).join(plain, how="outer")
    np.testing.assert_allclose(both["half_spread_bps"], both["median"], rtol=1e-9)
    assert (both["n_quotes"] == both["size"]).all()


@needs_market
def test_the_model_is_near_the_real_spreads_of_symbols_whose_daily_bars_it_can_read(real):
    symbols = ("AAPL", "BAC", "IBM", "SPY")
    measured = asked(real, "quote_spreads", REAL_SPAN, bucket_minutes=30, high_quantile=0.9)
    lean = "from bars.minute where vendor = 'lean' and session_date < date '2016-01-01'"
    traded = real.execute(lean).df()
    daily, _ = clean_daily(MarketFolder.open(MARKET).read_daily(symbols), None, BARS)
    last = daily["symbol"].astype(str).map(traded.groupby("symbol")["session_date"].max())
    connection = connected(minute=traded, daily=daily[daily["session_date"] <= last])
    inputs = asked(connection, "spread_inputs", n_sessions=BARS.spreads.model_sessions)
    model = modelled_spreads(inputs, BARS.spreads).groupby("symbol")["half_spread_bps"].mean()
    seen = measured.groupby("symbol")["half_spread_bps"].mean()
    ratio = (model / seen)[list(symbols)]
    assert ratio.between(0.7, 1.5).all(), ratio
    table = spread_table(measured, inputs, BARS.spreads)
    assert (table.loc[table["symbol"].isin(symbols), "source"] == "quotes").all()
    assert table["half_spread_bps"].gt(0).all()


@needs_market
def test_real_coverage_adds_up_to_the_bars(real):
    got = asked(real, "coverage", REAL_SPAN)
    n_bars = real.execute("select count(*) from bars.minute").fetchone()[0]
    assert got["n_minutes"].sum() + got["n_extended"].sum() == n_bars
    assert (got["n_minutes"] + got["n_missing"] == got["n_expected"]).all()
    spy = got[(got["symbol"] == "SPY") & (got["n_minutes"] > 0)]
    assert spy["n_minutes"].sum() / spy["n_expected"].sum() > 0.99
