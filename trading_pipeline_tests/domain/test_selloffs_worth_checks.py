"""Each SQL check on the worth of falls passes sound tables, and returns the row spoiled."""

from functools import lru_cache
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from trading_pipeline.contracts.selloffs_config import SelloffsConfig
from trading_pipeline.domain.selloffs.backtest import (
    compare_scanners,
    equity_by_session,
    offered_falls,
)
from trading_pipeline_tests.domain.selloffs_made import made_falls
from trading_pipeline_tests.domain.selloffs_scored import scored_falls
from trading_pipeline_tests.domain.settings_of import shipped

ROOT = Path(__file__).parents[2]
CHECKS = {
    path.stem: path.read_text()
    for table in ("backtest", "equity")
    for path in sorted((ROOT / "sql/checks").glob(f"selloff_{table}_*.sql"))
}
MIGRATIONS = ("gate", "selloffs", "selloff_tables", "selloff_model", "selloff_backtest")


@lru_cache(maxsize=1)
def sound() -> dict[str, pd.DataFrame]:
    made = made_falls(60, 8, skill=1.0)
    scores = scored_falls(made, skill=1.0)
    config = shipped(SelloffsConfig, "selloffs")
    offered = offered_falls(scores, made.events)
    sectors = pd.DataFrame({"symbol": ["S00"], "gics_sector": ["Energy"]})
    return {
        "selloffs.events": made.events,
        "selloffs.scores": scores,
        "selloffs.backtest": compare_scanners(
            offered, made.outcomes, sectors, made.events["session_date"], config
        ),
        "selloffs.equity": equity_by_session(offered, made.outcomes, config),
    }


@pytest.fixture(scope="module")
def warehouse():
    """Return a connection to an empty warehouse of these tables."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set timezone = 'UTC'")
        for stage in MIGRATIONS:
            (migration,) = (ROOT / "sql/migrations").glob(f"[0-9][0-9][0-9][0-9]_{stage}.sql")
            connection.execute(migration.read_text())
        yield connection


def failing(warehouse, tables):
    """Return the checks that return a row for these tables."""
    for name, frame in tables.items():
        warehouse.execute(f"delete from {name}")
        warehouse.register("given", frame)
        warehouse.execute(f"insert into {name} by name select * from given")
    return {name for name, check in CHECKS.items() if warehouse.execute(check).fetchall()}


def test_sound_tables_pass_every_check(warehouse):
    assert len(CHECKS) == 5
    assert failing(warehouse, sound()) == set()


def test_empty_tables_pass_every_check(warehouse):
    assert failing(warehouse, {name: frame.iloc[:0] for name, frame in sound().items()}) == set()


POSSIBLE = "selloff_backtest_is_possible"
FOLLOWS = "selloff_backtest_follows_the_scores"
WALKS = "selloff_equity_follows_the_scores"
SPOILS = [
    ("selloffs.backtest", "scanner", "luck", POSSIBLE),
    ("selloffs.backtest", "span", "train", POSSIBLE),
    ("selloffs.backtest", "n_trades", 10**6, POSSIBLE),
    ("selloffs.backtest", "expectancy_r", 9.0, POSSIBLE),
    ("selloffs.backtest", "hit_rate", 1.2, POSSIBLE),
    ("selloffs.backtest", "profit_factor", -1.0, POSSIBLE),
    ("selloffs.backtest", "max_drawdown_r", 0.1, POSSIBLE),
    ("selloffs.backtest", "gross_expectancy_r", -9.0, POSSIBLE),
    ("selloffs.backtest", "difference_r", 0.1, POSSIBLE),
    ("selloffs.backtest", "expectancy_low", None, POSSIBLE),
    ("selloffs.backtest", "n_trades", 1, FOLLOWS),
    ("selloffs.backtest", "n_events", 10**6, FOLLOWS),
    ("selloffs.scores", "r_multiple", 9.0, FOLLOWS),
    ("selloffs.scores", "r_multiple", 9.0, WALKS),
    ("selloffs.equity", "n_trades", 99, WALKS),
    ("selloffs.equity", "r_net", 99.0, WALKS),
    ("selloffs.equity", "equity_r", 99.0, "selloff_equity_adds_up"),
    ("selloffs.equity", "n_trades", -1, "selloff_equity_adds_up"),
]


@pytest.mark.parametrize(("table", "column", "value", "check"), SPOILS)
def test_a_spoiled_value_is_returned_by_its_check(warehouse, table, column, value, check):
    tables = {name: frame.copy() for name, frame in sound().items()}
    frame = tables[table]
    row = frame.index[frame["is_first"]][0] if table == "selloffs.scores" else frame.index[0]
    frame.loc[row, column] = value
    assert check in failing(warehouse, tables)


@pytest.mark.parametrize(
    ("table", "check"),
    [
        ("selloffs.backtest", "selloff_backtest_grain_is_unique"),
        ("selloffs.equity", "selloff_equity_adds_up"),
    ],
)
def test_a_row_told_twice_is_returned(warehouse, table, check):
    tables = {**sound(), table: pd.concat([sound()[table]] * 2)}
    assert check in failing(warehouse, tables)
