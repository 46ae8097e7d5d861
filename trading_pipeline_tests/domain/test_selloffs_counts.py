"""Falls by rung, year and symbol, counted once more in plain SQL over the delivered files.

The count shares nothing with the pipeline: its own clock, half-days and rungs, no table of it.
"""

import os
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from trading_pipeline.adapters.market_writer import market_tables, write_market_folder
from trading_pipeline_tests.collected import collected
from trading_pipeline_tests.domain.falls_market import falls_market

MARKET = Path(__file__).parents[2] / "../shared/market"
COUNT = """
with
    delivered as (
        select symbol, open, low, ts at time zone 'UTC' at time zone 'America/New_York' as clock
        from read_parquet(?, union_by_name = true)
        where not list_contains(?, symbol)
            and least(open, high, low, close) > 0
            and high >= greatest(open, close) * (1 - 1e-9)
            and low <= least(open, close) * (1 + 1e-9)
    ),

    -- Half-days of the exchange: the day after Thanksgiving, Christmas Eve, the third of July.
    timed as (
        select
            *,
            clock::date as day,
            case
                when month(clock) = 11 and dayofweek(clock) = 5 and day(clock) between 23 and 29
                    then time '13:00'
                when month(clock) = 12 and day(clock) = 24 then time '13:00'
                when month(clock) = 7 and day(clock) = 3 then time '13:00'
                else time '16:00'
            end as closes
        from delivered
    ),

    regular as (
        select * from timed where clock::time >= time '09:30' and clock::time < closes
    ),

    days as (
        select symbol, day, arg_min(open, clock) as session_open, min(low) as lowest
        from regular
        group by symbol, day
    )

select rung, year(day) as year, symbol, count(*) as n
from days, (select unnest([0.02, 0.03, 0.05, 0.10, 0.15]) as rung)
where lowest <= session_open * (1 - rung)
group by all
order by all
"""


def sql_count(files, context):
    """Return rung, year, symbol, n from the files, without the symbols that are context only."""
    with duckdb.connect(config={"threads": 1}) as connection:
        return connection.execute(COUNT, [[str(file) for file in files], context]).df()


def events_count(warehouse):
    """Return the same of the pipeline's events."""
    return warehouse.read(
        "select rung, year(session_date) as year, symbol, count(*) as n"
        " from selloffs.events group by all order by all"
    )


def assert_same_counts(found, expected):
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


@pytest.mark.long
def test_events_of_a_made_market_are_those_of_an_independent_count(tmp_path):
    market = falls_market(n_minutes=45, n_symbols=4)
    folder = write_market_folder(tmp_path / "market", market_tables(market), market.toml)
    counted = sql_count([folder / "minute/bars.parquet"], ["SIMX"])
    found = events_count(collected(folder, tmp_path / "home", ["selloffs.events"]))
    assert_same_counts(found, counted)
    assert counted["n"].sum() == len(market.oracle)


@pytest.mark.skipif(not MARKET.is_dir(), reason="no real market data beside the checkout")
def test_events_of_real_minutes_are_those_of_an_independent_count(tmp_path):
    files = sorted(MARKET.glob("minute/*.parquet"))
    etfs = MARKET / "daily/etfs_stooq.parquet"
    folder = tmp_path / "market"
    for file in [*files, etfs]:
        link = folder / file.relative_to(MARKET)
        link.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(file.resolve(), link)
    (folder / "market.toml").write_text(
        'index_symbol = "SPY"\n[files."daily/etfs_stooq.parquet"]\nkind = "etf"\nadjusted = true\n'
    )
    context = duckdb.sql(f"select distinct symbol from '{etfs}'").df()["symbol"].tolist()
    counted = sql_count(files, context)
    found = events_count(collected(folder, tmp_path / "home", ["selloffs.events"]))
    assert_same_counts(found, counted)
    assert counted["year"].nunique() >= 4
    assert counted.groupby("rung")["n"].sum().is_monotonic_decreasing
