"""Each SQL check passes what the stage makes, and returns the row that was spoiled."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
OLD_SELLOFF_CHECKS = {
    "selloffs_events_are_the_first",
    "selloffs_events_reach_their_rung",
    "selloffs_one_event_per_rung",
}
STAGES = ("bars", "backtest", "gate", "drift", "selloffs")
CHECKS = {
    path.stem: path.read_text()
    for stage in STAGES[1:]
    for path in sorted((ROOT / "sql/checks").glob(f"{stage}_*.sql"))
    # The champion's health, and what follows from falls, have rows of their own kind elsewhere.
    if not path.stem.startswith("gate_health")
    and (stage != "selloffs" or path.stem in OLD_SELLOFF_CHECKS)
}
DAY = pd.Timestamp("2024-03-05")
OPENS = pd.Timestamp("2024-03-05 14:30", tz="UTC")
MINUTE = pd.Timedelta(minutes=1)


def rows_of():
    """Return sound rows of every table the checks read."""
    return {
        "backtest.trades": pd.DataFrame(
            {
                "cohort": [1, 1],
                "symbol": ["AAA", "BBB"],
                "side": ["long", "short"],
                "decided_date": DAY,
                "entry_date": DAY + pd.Timedelta(days=1),
                "exit_date": DAY + pd.Timedelta(days=2),
                "exit_reason": "horizon",
                "entry_price": 10.0,
                "exit_price": [12.0, 11.0],
                "quantity": [5.0, -5.0],
                "notional_usd": 50.0,
                "gross_pnl_usd": [10.0, -5.0],
                "cost_usd": 1.0,
                "net_pnl_usd": [9.0, -6.0],
                "probability": [0.9, 0.1],
            }
        ),
        "backtest.equity": pd.DataFrame(
            {
                "session_date": pd.date_range(DAY, periods=3),
                "cash_usd": [1000.0, 999.0, 1003.0],
                "position_usd": [0.0, 5.0, 0.0],
                "equity_usd": [1000.0, 1004.0, 1003.0],
                "cost_usd": [0.0, 1.0, 1.0],
                "gross_exposure_frac": [0.0, 0.1, 0.0],
                "return_frac": [0.0, 0.004, -0.001],
                "drawdown_frac": [0.0, 0.0, 1003 / 1004 - 1],
            }
        ),
        "backtest.evidence": pd.DataFrame(
            {
                "metric": ["pbo", "spa_p_index", "capacity_usd"],
                "value": [0.4, 0.3, None],
                "low": [0.1, 0.2, None],
                "high": [0.7, 0.4, None],
                "n": [40, 500, 0],
                "first_date": [DAY, DAY, pd.NaT],
                "last_date": [DAY, DAY, pd.NaT],
                "note": ["of 9 trials", "of 4 books", "not assessable: no volume"],
            }
        ),
        "backtest.sensitivity": pd.DataFrame(
            {
                "cost_multiple": [0.0, 1.0],
                "cost_bps": [0.0, 100.0],
                "cost_frac": [0.0, 0.002],
                "net_return_frac": [0.005, 0.003],
                "sharpe_net": [1.0, 0.5],
                "sharpe_low": [0.5, None],
                "sharpe_high": [1.5, None],
                "n_sessions": 2,
                "first_date": DAY,
                "last_date": DAY,
            }
        ),
        "backtest.drawdowns": pd.DataFrame(
            {
                "position": [1],
                "peak_date": DAY + pd.Timedelta(days=1),
                "trough_date": DAY + pd.Timedelta(days=2),
                "recovered_date": [pd.NaT],
                "depth_frac": 1003 / 1004 - 1,
                "n_sessions_down": 1,
                "n_sessions_up": pd.array([None], dtype="Int64"),
                "n_sessions": 1,
            }
        ),
        "backtest.monthly": pd.DataFrame(
            {
                "month_date": [DAY.replace(day=1)],
                "net_return_frac": 0.003,
                "cost_frac": 0.002,
                "gross_return_frac": 0.005,
                "index_return_frac": None,
                "gross_exposure_frac": 0.05,
                "turnover_frac": 0.1,
                "n_entries": 2,
                "n_sessions": 2,
            }
        ),
        "gate.verdicts": pd.DataFrame(
            {
                "model_version": "1",
                "recipe_id": "r",
                "protocol_id": "p",
                "verdict": "promoted",
                "position": [0, 1, 2],
                "criterion": ["auc_and_sharpe", "auc", "auc_crash"],
                "value": [0.7, 0.7, None],
                "threshold": ">= 0.6",
                "is_passed": [True, True, None],
                "detail": "",
            }
        ),
        "drift.features": pd.DataFrame(
            {
                "model_version": "1",
                "session_date": DAY,
                "feature": ["a", "b"],
                "psi": [0.5, None],
                "ks": [0.2, None],
                "threshold": [0.3, None],
                "is_drifted": [True, False],
                "status": ["drifted", "not_assessable"],
                "n_reference": 100,
                "n_live": 10,
            }
        ),
        "drift.sessions": pd.DataFrame(
            {
                "model_version": "1",
                "session_date": pd.date_range(DAY, periods=3),
                "session": [5, 6, 7],
                "share_drifted": [None, 0.5, 0.6],
                "share_threshold": 0.1,
                "is_beyond": [False, True, True],
                "n_running": [0, 1, 2],
                "age_sessions": [1, 2, 3],
            }
        ),
        "drift.predictions": pd.DataFrame(
            {
                "model_version": "1",
                "session_date": pd.date_range(DAY, periods=3),
                "session": [5, 6, 7],
                "n_rows": 20,
                "psi": [None, 0.5, 0.6],
                "threshold": 0.4,
                "is_spread": [False, True, True],
                "n_spread": [0, 1, 2],
                "n_resolved": 100,
                "n_horizons": 10.0,
                "auc": [None, 0.52, 0.45],
                "auc_low": [None, 0.49, 0.41],
                "auc_high": [None, 0.55, 0.49],
                "hit_rate": [None, 0.5, 0.5],
                "is_worse": [False, False, True],
                "n_worse": [0, 0, 1],
            }
        ),
        "drift.regimes": pd.DataFrame(
            {
                "model_version": "1",
                "session_date": DAY,
                "regime": ["crash", "normal"],
                "share_trained": [0.1, 0.9],
                "share_live": [0.5, 0.5],
                "threshold": [0.3, 1.0],
                "is_drifted": [True, False],
                "n_trained": 100,
                "n_live": 20,
            }
        ),
        "drift.episodes": pd.DataFrame(
            {
                "episode_id": ["1:a", "1:b"],
                "model_version": "1",
                "opened_date": [DAY, DAY + pd.Timedelta(days=9)],
                "reason": ["features", "age"],
                "share_drifted": [0.5, None],
                "last_date": [DAY, DAY + pd.Timedelta(days=9)],
                "state": ["cooled", "open"],
            }
        ),
        "bars.minute": pd.DataFrame(
            {
                "symbol": "AAA",
                "session_date": DAY,
                "opens_at": [OPENS, OPENS + MINUTE],
                "closes_at": [OPENS + MINUTE, OPENS + 2 * MINUTE],
                "open": 100.0,
                "high": 100.0,
                "low": [99.0, 97.0],
                "close": [99.5, 97.5],
                "is_regular": True,
                "vendor": "v",
                "known_at": [OPENS + MINUTE, OPENS + 2 * MINUTE],
            }
        ),
        "selloffs.events": pd.DataFrame(
            {
                "symbol": ["AAA"],
                "session_date": DAY,
                "rung": 0.02,
                "detected_at": OPENS + 2 * MINUTE,
                "session_open": 100.0,
                "low": 97.0,
                "close": 97.5,
                "volume": np.nan,
                "drop_frac": -0.03,
            }
        ),
    }


@pytest.fixture(scope="module")
def warehouse():
    """Return a connection to an empty warehouse of these stages."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set timezone = 'UTC'")
        for stage in ("sweeps", "learners", *STAGES, "backtest_evidence", "drift_of_predictions"):
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


def spoiled(table, column, value, row=0):
    """Return sound tables but for one value."""
    tables = rows_of()
    tables[table].loc[tables[table].index[row], column] = value
    return tables


def test_sound_tables_pass_every_check(warehouse):
    assert len(CHECKS) == 19
    assert failing(warehouse, rows_of()) == set()


def test_empty_tables_pass_every_check(warehouse):
    assert failing(warehouse, {name: frame.iloc[:0] for name, frame in rows_of().items()}) == set()


SPOILS = [
    ("backtest.trades", "gross_pnl_usd", 10.1, "backtest_trades_add_up"),
    ("backtest.trades", "cost_usd", -1.0, "backtest_trades_add_up"),
    ("backtest.trades", "side", "short", "backtest_trades_add_up"),
    ("backtest.trades", "entry_date", DAY, "backtest_orders_fill_after_decision"),
    ("backtest.trades", "exit_date", DAY, "backtest_orders_fill_after_decision"),
    ("backtest.trades", "probability", 1.1, "backtest_one_trade_per_prediction"),
    ("backtest.trades", "symbol", "BBB", "backtest_one_trade_per_prediction"),
    ("backtest.trades", "net_pnl_usd", 8.0, "backtest_profit_reaches_equity"),
    ("backtest.equity", "cost_usd", 1.0, "backtest_profit_reaches_equity"),
    ("backtest.equity", "cash_usd", 1000.1, "backtest_equity_identity"),
    ("backtest.equity", "drawdown_frac", 0.1, "backtest_equity_identity"),
    ("backtest.evidence", "low", 0.5, "backtest_evidence_is_possible"),
    ("backtest.evidence", "high", 1.1, "backtest_evidence_is_possible"),
    ("backtest.evidence", "value", None, "backtest_evidence_is_possible"),
    ("backtest.evidence", "metric", "spa_p_index", "backtest_evidence_is_possible"),
    ("backtest.sensitivity", "net_return_frac", 0.004, "backtest_sensitivity_is_linear"),
    ("backtest.sensitivity", "cost_frac", 0.001, "backtest_sensitivity_is_linear"),
    ("backtest.sensitivity", "cost_multiple", 1.0, "backtest_sensitivity_is_linear"),
    ("backtest.sensitivity", "sharpe_low", 1.2, "backtest_sensitivity_is_linear"),
    ("backtest.drawdowns", "depth_frac", -0.2, "backtest_drawdowns_agree_with_equity"),
    ("backtest.drawdowns", "trough_date", DAY, "backtest_drawdowns_agree_with_equity"),
    ("backtest.drawdowns", "n_sessions_up", 1, "backtest_drawdowns_agree_with_equity"),
    ("backtest.drawdowns", "recovered_date", DAY, "backtest_drawdowns_agree_with_equity"),
    ("backtest.monthly", "net_return_frac", 0.002, "backtest_monthly_adds_up"),
    ("backtest.monthly", "n_sessions", 3, "backtest_monthly_adds_up"),
    ("backtest.monthly", "month_date", DAY.replace(month=2, day=1), "backtest_monthly_adds_up"),
    ("gate.verdicts", "is_passed", False, "gate_verdict_follows_criteria"),
    ("gate.verdicts", "is_passed", None, "gate_verdict_follows_criteria"),
    ("gate.verdicts", "verdict", "rejected", "gate_verdict_follows_criteria"),
    ("gate.verdicts", "criterion", "auc", "gate_verdict_follows_criteria"),
    ("gate.verdicts", "position", 1, "gate_verdict_follows_criteria"),
    ("drift.features", "psi", -0.1, "drift_measures_in_range"),
    ("drift.features", "ks", 1.1, "drift_measures_in_range"),
    ("drift.features", "threshold", 0.9, "drift_measures_in_range"),
    ("drift.features", "status", "stable", "drift_measures_in_range"),
    ("drift.features", "feature", "b", "drift_measures_in_range"),
    ("drift.sessions", "share_drifted", 1.5, "drift_sessions_agree"),
    ("drift.sessions", "is_beyond", True, "drift_sessions_agree"),
    ("drift.sessions", "n_running", 1, "drift_sessions_agree"),
    ("drift.sessions", "session", 6, "drift_sessions_agree"),
    ("drift.predictions", "psi", -0.1, "drift_predictions_agree"),
    ("drift.predictions", "is_spread", True, "drift_predictions_agree"),
    ("drift.predictions", "n_worse", 1, "drift_predictions_agree"),
    ("drift.predictions", "is_worse", True, "drift_predictions_agree"),
    ("drift.predictions", "hit_rate", 1.5, "drift_predictions_agree"),
    ("drift.predictions", "session", 6, "drift_predictions_agree"),
    ("drift.regimes", "share_live", 0.7, "drift_regimes_add_up"),
    ("drift.regimes", "is_drifted", False, "drift_regimes_add_up"),
    ("drift.regimes", "regime", "normal", "drift_regimes_add_up"),
    ("drift.episodes", "state", "open", "drift_one_open_episode"),
    ("drift.episodes", "episode_id", "1:b", "drift_one_open_episode"),
    ("drift.episodes", "last_date", DAY - pd.Timedelta(days=1), "drift_one_open_episode"),
    ("selloffs.events", "low", 98.5, "selloffs_events_reach_their_rung"),
    ("selloffs.events", "drop_frac", -0.04, "selloffs_events_reach_their_rung"),
    ("selloffs.events", "detected_at", OPENS, "selloffs_events_are_the_first"),
    ("bars.minute", "low", 97.5, "selloffs_events_are_the_first"),
]


@pytest.mark.parametrize(("table", "column", "value", "check"), SPOILS)
def test_a_spoiled_value_is_returned_by_its_check(warehouse, table, column, value, check):
    assert check in failing(warehouse, spoiled(table, column, value))


def test_a_fall_told_twice_is_returned(warehouse):
    tables = rows_of()
    tables["backtest.drawdowns"] = pd.concat([tables["backtest.drawdowns"]] * 2)
    assert failing(warehouse, tables) == {"backtest_drawdowns_are_told_once"}


def test_an_event_recorded_twice_is_returned(warehouse):
    tables = rows_of()
    tables["selloffs.events"] = pd.concat([tables["selloffs.events"]] * 2)
    assert failing(warehouse, tables) == {"selloffs_one_event_per_rung"}


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_names_the_asset_it_guards(check):
    asset = next(line for line in CHECKS[check].splitlines() if line.startswith("-- asset"))
    assert asset.split()[2] in rows_of()
    assert check.startswith(asset.split()[2].split(".")[0])
