"""A fall is found once per rung, at the first minute that reached it, by SQL and by hand alike."""

import tomllib
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.selloffs.history import find_events as kernel_events
from trading_pipeline.domain.selloffs.history import session_grids
from trading_pipeline_tests.domain.selloffs_market import coded, selloffs_config
from trading_pipeline_tests.domain.selloffs_reference import find_events

ROOT = Path(__file__).parents[2]
QUERY = (ROOT / "trading_pipeline_tests/domain/selloffs_events.sql").read_text()
RUNGS = tomllib.loads((ROOT / "trading_pipeline/config/default.toml").read_text())["selloffs"][
    "rungs"
]
REAL_MINUTES = ROOT / "../shared/market/minute/m1_2018_02_04.parquet"
OPENING = pd.Timestamp("2024-03-05 14:30", tz="UTC")


def minute_bars(lows, symbol="AAA", opening=OPENING, first_open=100.0):
    """Return one regular session whose minutes have these lows."""
    opens_at = opening + pd.to_timedelta(np.arange(len(lows)), unit="min")
    low = np.asarray(lows, dtype=float)
    return pd.DataFrame(
        {
            "symbol": pd.Series([symbol] * len(lows), dtype=object),
            "session_date": opening.tz_localize(None).normalize(),
            "opens_at": opens_at,
            "closes_at": opens_at + pd.Timedelta(minutes=1),
            "open": [first_open, *np.maximum(low[1:], 1.0)],
            "high": np.maximum(low, first_open),
            "low": low,
            "close": low + 0.5,
            "volume": np.arange(len(lows), dtype=float) + 1,
            "is_regular": True,
        }
    )


@pytest.fixture(scope="module")
def query():
    """Return a function that runs the query over minute bars, in the types of the frames."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("create schema bars")

        def queried_events(minutes, rungs):
            connection.register("minutes", minutes)
            connection.execute("create or replace view bars.minute as select * from minutes")
            connection.execute(
                "create or replace view bars.universe as"
                " select distinct symbol, 'equity' as kind from minutes"
            )
            events = connection.execute(QUERY, {"rungs": list(rungs)}).df()
            kinds = {"session_date": "datetime64[ns]", "detected_at": "datetime64[ns, UTC]"}
            return events.astype(kinds)

        yield queried_events


def test_an_event_is_the_first_minute_whose_low_reaches_the_rung():
    events = find_events(minute_bars([99, 98, 97.5, 95, 96]), [0.02, 0.05, 0.10])
    assert events["rung"].tolist() == [0.02, 0.05]
    assert events["low"].tolist() == [98, 95]
    assert events["close"].tolist() == [98.5, 95.5]
    assert events["volume"].tolist() == [2, 4]
    assert events["drop_frac"].tolist() == pytest.approx([-0.02, -0.05])


def test_an_event_is_known_at_the_close_of_its_bar():
    events = find_events(minute_bars([99, 97]), [0.02])
    assert events["detected_at"].tolist() == [OPENING + pd.Timedelta(minutes=2)]


def test_one_bar_may_reach_several_rungs_and_each_is_an_event():
    events = find_events(minute_bars([80]), RUNGS)
    assert events["rung"].tolist() == RUNGS


def test_minutes_outside_the_regular_session_neither_open_it_nor_fall():
    bars = minute_bars([50, 99, 98, 50], first_open=200)
    bars.loc[1, "open"] = 100.0
    bars["is_regular"] = [False, True, True, False]
    events = find_events(bars, [0.02])
    assert events[["session_open", "low"]].to_numpy().tolist() == [[100, 98]]


def test_missing_volume_leaves_the_event_and_stays_missing():
    bars = minute_bars([97]).assign(volume=np.nan)
    assert find_events(bars, [0.02])["volume"].isna().tolist() == [True]


def test_no_fall_and_no_bar_give_an_empty_table_with_every_column():
    quiet = find_events(minute_bars([99.9, 99.5]), RUNGS)
    nothing = find_events(minute_bars([99.9]).iloc[:0], RUNGS)
    assert quiet.empty
    assert nothing.columns.tolist() == quiet.columns.tolist()


sessions = st.lists(st.integers(78, 101), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(
    first=sessions,
    second=sessions,
    third=sessions,
    rungs=st.lists(st.sampled_from(RUNGS), min_size=1, max_size=6),
    seed=st.integers(0, 99),
)
def test_query_and_reference_agree_whatever_the_order_of_rows(
    query, first, second, third, rungs, seed
):
    minutes = pd.concat(
        [
            minute_bars(first),
            minute_bars(second, opening=OPENING + pd.Timedelta(days=1)),
            minute_bars(third, symbol="BBB"),
        ]
    )
    shuffled = minutes.sample(frac=1, random_state=seed, ignore_index=True)
    found = find_events(shuffled, rungs)
    pd.testing.assert_frame_equal(query(shuffled, rungs), found)
    assert not found.duplicated(["symbol", "session_date", "rung"]).any()
    for event in found.itertuples():
        bars = minutes[
            (minutes["symbol"] == event.symbol) & (minutes["session_date"] == event.session_date)
        ]
        before = bars[bars["closes_at"] < event.detected_at]
        assert event.low <= event.session_open * (1 - event.rung)
        assert (before["low"] > event.session_open * (1 - event.rung)).all()


def real_minutes(n_symbols=None):
    """Return rows of bars.minute of the real spring of 2018."""
    vendor = pd.read_parquet(REAL_MINUTES)
    vendor = vendor[vendor["symbol"].isin(sorted(vendor["symbol"].unique())[:n_symbols])]
    opens_at = pd.DatetimeIndex(vendor["ts"]).tz_localize("UTC").astype("datetime64[ns, UTC]")
    day = opens_at.tz_convert("America/New_York").tz_localize(None).normalize()
    hours = session_table().set_index("session_date").reindex(day)
    return vendor.assign(
        session_date=day,
        opens_at=opens_at,
        closes_at=opens_at + pd.Timedelta(minutes=1),
        is_regular=(opens_at >= hours["opens_at"].array) & (opens_at < hours["closes_at"].array),
    ).reset_index(drop=True)


@pytest.mark.skipif(not REAL_MINUTES.exists(), reason="real minute bars are not at ../shared")
def test_real_minutes_give_fewer_events_at_each_deeper_rung(query):
    minutes = real_minutes(8)
    events = find_events(minutes, RUNGS)
    counts = [int((events["rung"] == rung).sum()) for rung in RUNGS]
    assert counts[0] > 0
    assert counts == sorted(counts, reverse=True)
    pd.testing.assert_frame_equal(query(minutes, RUNGS), events)


@pytest.mark.skipif(not REAL_MINUTES.exists(), reason="real minute bars are not at ../shared")
def test_the_kernel_finds_in_real_minutes_what_the_query_finds(query):
    minutes = real_minutes()
    symbols = np.array(sorted(minutes["symbol"].unique()), dtype=object)
    grids = session_grids(coded(minutes, symbols), len(symbols))
    config = selloffs_config(rungs=RUNGS)
    found = kernel_events(grids, symbols, np.ones(len(symbols), dtype=bool), config)
    ordered = found.sort_values(["symbol", "session_date", "rung"], ignore_index=True)
    wanted = query(minutes, RUNGS)
    pd.testing.assert_frame_equal(ordered[wanted.columns], wanted)
    assert found.groupby(["symbol", "session_date"])["is_first"].sum().eq(1).all()
