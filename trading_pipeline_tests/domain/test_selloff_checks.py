"""Each SQL check of falls passes sound rows and returns the row that was spoiled."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from trading_pipeline.domain.selloffs.history import HistoryScan
from trading_pipeline.domain.selloffs.outcomes import trade_outcomes
from trading_pipeline.domain.selloffs.session_scan import EVENT_COLUMNS, FEATURE_COLUMNS
from trading_pipeline_tests.domain.selloffs_market import (
    SYMBOLS,
    book_of,
    coded,
    grids_of,
    made_minutes,
    made_tables,
    selloffs_config,
)

ROOT = Path(__file__).parents[2]
CHECKS = {
    path.stem: path.read_text()
    for kind in ("events", "features", "outcomes", "one_event")
    for path in sorted((ROOT / "sql/checks").glob(f"selloffs_{kind}_*.sql"))
}
MINUTE = pd.Timedelta(minutes=1)


@pytest.fixture(scope="module")
def rows():
    """Return what the stage makes of a small market, the last session unfinished."""
    config = selloffs_config(rungs=[0.01, 0.02, 0.03])
    minutes = made_minutes("2023-07-05", "2023-07-14")
    newest = minutes["session_date"].max()
    is_kept = (minutes["session_date"] < newest) | (minutes["opens_at"].dt.hour < 18)
    minutes = minutes[is_kept].reset_index(drop=True)
    book = book_of(made_tables(minutes), config)
    found = HistoryScan(book, config).scan(grids_of(minutes))
    bars = coded(minutes).assign(half_spread_bps=2.0)
    session = int(found["session"].max())
    outcomes = trade_outcomes(found, bars, book.symbols, book.shape, session, config.trade)
    assert set(outcomes["status"]) == {"closed", "pending", "no_trade"}
    return {
        "bars.minute": minutes,
        "selloffs.events": found[list(EVENT_COLUMNS)],
        "selloffs.features": found[list(FEATURE_COLUMNS)],
        "selloffs.outcomes": outcomes,
    }


@pytest.fixture(scope="module")
def offenders(rows):
    """Return a function that names the checks which some rows fail."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set timezone = 'UTC'; create schema bars; create schema selloffs")

        def found(changed=None):
            tables = rows | (changed or {})
            for name, frame in tables.items():
                connection.register("frame", frame)
                connection.execute(f"create or replace table {name} as select * from frame")
                connection.unregister("frame")
            return {name for name, sql in CHECKS.items() if connection.execute(sql).fetchall()}

        yield found


def test_what_the_stage_makes_passes_every_check(offenders):
    assert SYMBOLS[-1] == "SPY"
    assert len(CHECKS) == 11
    assert offenders() == set()


CLOSED = ("status", "closed")
SPOILED = [
    ("events", "is_first", None, False, "selloffs_events_mark_the_first_rung"),
    ("events", "quality", None, "fine", "selloffs_events_say_what_to_believe"),
    ("events", "n_missing_minutes", None, 390, "selloffs_events_say_what_to_believe"),
    ("features", "low", None, 1.0, "selloffs_features_are_those_of_an_event"),
    ("features", "minutes_since_open", None, 0, "selloffs_features_are_possible"),
    ("features", "time_bucket", None, "night", "selloffs_features_are_possible"),
    ("features", "market_breadth_frac", None, 1.5, "selloffs_features_are_possible"),
    ("features", "half_spread_bps", None, 0.0, "selloffs_features_are_possible"),
    ("features", "reward_to_risk", None, 99.0, "selloffs_features_are_possible"),
    ("outcomes", "detected_at", None, MINUTE, "selloffs_outcomes_are_those_of_an_event"),
    ("outcomes", "entry_at", CLOSED, -60 * MINUTE, "selloffs_outcomes_follow_the_trade_rule"),
    ("outcomes", "stop_price", CLOSED, 1e6, "selloffs_outcomes_follow_the_trade_rule"),
    ("outcomes", "target_price", CLOSED, 1.0, "selloffs_outcomes_follow_the_trade_rule"),
    ("outcomes", "r_multiple", CLOSED, 50.0, "selloffs_outcomes_follow_the_trade_rule"),
    ("outcomes", "mae_r", CLOSED, 0.1, "selloffs_outcomes_follow_the_trade_rule"),
    ("outcomes", "mfe_r", CLOSED, -0.1, "selloffs_outcomes_follow_the_trade_rule"),
    ("outcomes", "shares", CLOSED, 0.5, "selloffs_outcomes_follow_the_trade_rule"),
    ("outcomes", "reversed", ("reversed", True), False, "selloffs_outcomes_follow_the_trade_rule"),
    ("outcomes", "recovery_frac", ("reversed", True), 0.4,
     "selloffs_outcomes_reverse_with_their_recovery"),
    ("outcomes", "exit_price", ("status", "pending"), 9.0,
     "selloffs_outcomes_say_why_there_is_none"),
    ("outcomes", "reason", ("status", "no_trade"), "", "selloffs_outcomes_say_why_there_is_none"),
    ("outcomes", "reason", CLOSED, "late", "selloffs_outcomes_say_why_there_is_none"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "column", "where", "value", "check"), SPOILED)
def test_a_spoiled_row_is_found(rows, offenders, table, column, where, value, check):
    frame = rows[f"selloffs.{table}"].copy()
    at = frame.index[0] if where is None else frame.index[frame[where[0]].eq(where[1])][0]
    is_shift = isinstance(value, pd.Timedelta)
    frame.loc[at, column] = frame.loc[at, column] + value if is_shift else value
    assert check in offenders({f"selloffs.{table}": frame})


@pytest.mark.parametrize("table", ["features", "outcomes"])
def test_a_lost_and_a_doubled_row_are_found(rows, offenders, table):
    frame = rows[f"selloffs.{table}"]
    check = f"selloffs_{table}_are_those_of_an_event"
    assert check in offenders({f"selloffs.{table}": frame.iloc[1:]})
    assert check in offenders({f"selloffs.{table}": pd.concat([frame, frame.iloc[:1]])})
