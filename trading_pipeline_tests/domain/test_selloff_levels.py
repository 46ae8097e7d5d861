"""Daily levels beside raw minutes: what is old, broken or beyond a seam is missing, not wrong."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.selloffs import kernels as k
from trading_pipeline.domain.selloffs.context import LEVEL_SESSIONS
from trading_pipeline.domain.selloffs.history import HistoryScan
from trading_pipeline.domain.selloffs.missing import missing_context
from trading_pipeline_tests.domain.selloffs_market import (
    MINUTE,
    book_of,
    grids_of,
    made_minutes,
    made_tables,
    selloffs_config,
)

CONFIG = selloffs_config(rungs=[0.01, 0.02])
TODAY = 9_600
OF_THE_DAY_BEFORE = [k.CLOSE_BEFORE, k.RETURN_1, k.RETURN_5]


def tables(prices=100.0, minutes=100.0, ends=1, n_minutes=40):
    """Return the context of one symbol with flat daily and minute closes up to s-1."""
    base = made_tables(made_minutes("2023-07-13", "2023-07-14", symbols=("AAA",)))
    table = session_table()
    days = table.iloc[TODAY - 300 : TODAY - ends + 1]
    daily = pd.DataFrame(
        {
            "symbol": "AAA",
            "session": days["session"],
            **dict.fromkeys(("high", "low", "close"), prices),
            "adj_factor": 1.0,
            "has_vendor_seam": False,
            "known_at": days["closes_at"],
            "volume": np.nan,
        }
    )
    recent = table.iloc[TODAY - n_minutes : TODAY]
    facts = pd.DataFrame(
        {
            "symbol": "AAA",
            "session_date": recent["session_date"],
            "close": minutes,
            "high": minutes,
            "low": minutes,
            "traded_usd": 1e6,
            "first_closes_at": recent["opens_at"] + MINUTE,
            "last_closes_at": recent["closes_at"],
        }
    )
    return replace(
        base,
        daily=daily.reset_index(drop=True),
        minute_sessions=facts.reset_index(drop=True),
        actions=base.actions.iloc[:0],
        quotes=base.quotes.iloc[:0],
    )


def levels_of(made, today=TODAY):
    return book_of(made, CONFIG, ("AAA",)).levels(np.array([today]))[0, 0]


def test_all_levels_are_there_where_bars_end_the_session_before():
    levels = levels_of(tables())
    assert not np.isnan(levels[[*OF_THE_DAY_BEFORE, k.SMA_200, k.HIGH_52W, k.ATR]]).any()


def test_old_daily_bars_are_no_yesterday():
    # The minutes have fallen from 100 to 80 since the daily bars ended.
    path = np.linspace(100, 80, 40)
    levels = levels_of(tables(minutes=path, ends=16))
    assert np.isnan(levels[: k.SPREAD_LEVEL]).all()


@pytest.mark.parametrize("ends", [2, LEVEL_SESSIONS])
def test_a_daily_bar_of_a_few_sessions_ago_gives_means_and_no_close_before(ends):
    levels = levels_of(tables(ends=ends))
    assert np.isnan(levels[OF_THE_DAY_BEFORE]).all()
    assert levels[k.SMA_200] == pytest.approx(100.0)
    assert np.isnan(levels_of(tables(ends=LEVEL_SESSIONS + 1))[k.SMA_200])


def test_returns_that_span_a_missing_session_are_missing():
    made = tables()
    lacks = made.daily[made.daily["session"] != TODAY - 3]
    levels = levels_of(replace(made, daily=lacks))
    assert levels[k.RETURN_1] == 0
    assert np.isnan(levels[k.RETURN_5])


@pytest.mark.parametrize("day", ["2023-07-13", "2023-07-03"])
def test_a_session_whose_minutes_stop_early_rescales_nothing(day):
    row = session_table().set_index("session_date").loc[pd.Timestamp(day)]
    today = int(row["session"]) + 1
    made = tables(n_minutes=1)
    shift = today - TODAY
    daily = made.daily.assign(
        session=made.daily["session"] + shift,
        known_at=session_table()["closes_at"].array[made.daily["session"] + shift],
    )
    whole = session_table().iloc[today - 20 : today]
    facts = pd.DataFrame(
        {
            "symbol": "AAA",
            "session_date": whole["session_date"],
            "close": np.r_[np.full(19, 100.0), 111.0],
            "high": 111.0,
            "low": 99.0,
            "traded_usd": 1e6,
            "first_closes_at": whole["opens_at"] + MINUTE,
            "last_closes_at": whole["closes_at"],
        }
    )
    broken = facts.copy()
    broken.loc[broken.index[-1], "last_closes_at"] -= MINUTE
    made = replace(made, daily=daily)
    spoiled = levels_of(replace(made, minute_sessions=broken), today)
    assert spoiled[k.CLOSE_BEFORE] == pytest.approx(100.0)
    assert spoiled[k.SMA_200] == pytest.approx(100.0)
    kept = levels_of(replace(made, minute_sessions=facts), today)
    assert kept[k.CLOSE_BEFORE] == pytest.approx(111.0)


def test_a_ratio_from_beyond_a_vendors_seam_rescales_nothing():
    made = tables()
    since = made.daily["session"] >= TODAY - 3
    daily = made.daily.assign(has_vendor_seam=made.daily["session"] == TODAY - 3)
    for name in ("high", "low", "close"):
        daily[name] = daily[name].where(~since, 10.0)
    last = session_table()["session_date"].iloc[TODAY - 4]
    facts = made.minute_sessions[made.minute_sessions["session_date"] <= last]
    apart = levels_of(replace(made, daily=daily, minute_sessions=facts))
    assert np.isnan(apart[k.CLOSE_BEFORE])
    joined = levels_of(replace(made, daily=daily))
    assert joined[k.CLOSE_BEFORE] == pytest.approx(100.0)


def test_the_dollars_of_the_spread_are_those_of_the_daily_bars_where_they_have_volume():
    made = tables(minutes=100.0)
    made = replace(made, minute_sessions=made.minute_sessions.assign(high=101.0, low=99.0))
    venue = levels_of(made)[k.SPREAD_LEVEL]
    every = made.daily.assign(volume=64e4)
    whole = levels_of(replace(made, daily=every))[k.SPREAD_LEVEL]
    # A sixty-fourth of the dollars is four times the spread.
    assert venue == pytest.approx(4 * whole)
    late = every.assign(known_at=every["known_at"] + pd.Timedelta(days=9))
    assert levels_of(replace(made, daily=late))[k.SPREAD_LEVEL] == venue


def test_falls_without_context_are_counted_as_their_features_are_missing():
    minutes = made_minutes("2023-07-03", "2023-07-14")
    made = made_tables(minutes)
    is_late = (minutes["symbol"] == "SPY") & (minutes["opens_at"].dt.hour < 15)
    gone = (minutes["symbol"] == "SPY") & (minutes["session_date"] > "2023-07-12")
    minutes = minutes[~is_late & ~gone]
    facts = made.minute_sessions.drop(columns="first_closes_at").merge(
        minutes[minutes["is_regular"]]
        .groupby(["symbol", "session_date"], as_index=False)
        .agg(first_closes_at=("closes_at", "min"))
    )
    made = replace(
        made,
        minute_sessions=facts,
        daily=made.daily[made.daily["symbol"] != "BBB"],
        vix=made.vix[made.vix["session_date"] != pd.Timestamp("2023-07-06")],
    )
    book = book_of(made, CONFIG)
    grids = grids_of(minutes)
    found = HistoryScan(book, CONFIG).scan(grids)
    told = missing_context(found, facts, book, grids.sessions, book.levels(grids.sessions))
    expected = {
        "falls without the close before": "gap_frac",
        "falls without a 52-week range": "high_52w_distance_frac",
        "falls without the broad index": "index_change_today_frac",
        "falls without the VIX": "vix_last_session",
        "falls without a spread level": "half_spread_bps",
    }
    for word, column in expected.items():
        assert told[word] == found[column].isna().sum(), word
    assert told["falls"] == len(found)
    assert 0 < told["falls without the VIX"] < len(found)
    assert 0 < told["falls without the broad index"] < len(found)
    assert 0 < told["falls without any daily level"] < len(found)
