"""Outcomes stage: what followed the predictions, and how good they were by sector and symbol.

predictions.live, bars.daily  ->  outcomes.resolved  ->  outcomes.tracking
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from trading_pipeline.assets.labels import min_symbols
from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.domain.outcomes.resolve import resolve_outcomes
from trading_pipeline.domain.outcomes.tracking import ALL, SECTOR, SYMBOL, track_outcomes
from trading_pipeline.resources import StageRun

NOT_ASSESSABLE = "not assessable"


def matured_fingerprint(run: StageRun) -> Mapping[str, str]:
    """Return what may close a span: new predictions, or a new session of bars."""
    last = run.read("select max(session) as s from bars.daily")["s"].iloc[0]
    return {"predictions": run.hash("predictions.live"), "last session": str(last)}


@table_asset(
    "outcomes.resolved",
    reads=("predictions.live", "bars.daily", "bars.universe"),
    settings=("outcomes", "labels", "source.kind", "backtest"),
    fingerprint=matured_fingerprint,
)
def resolved(run: StageRun) -> TableResult:
    """Returns, excursions and hits of every prediction whose label span has closed."""
    matured = run.query("outcomes/open_predictions")
    backtest = run.config.backtest
    first = matured["session"].min() - backtest.sizing_sessions - 1 if len(matured) else 0
    bars = run.read("select * from bars.daily where session >= $first", first=int(first))
    table = resolve_outcomes(
        matured,
        run.table_whole("predictions.live"),
        bars,
        run.table("bars.universe"),
        run.config.labels,
        min_symbols(run),
        backtest,
        run.config.outcomes.hit_return_frac,
    )
    left = run.read("select count(*) as n from predictions.live")["n"].iloc[0]
    known = run.read("select count(*) as n from outcomes.resolved")["n"].iloc[0]
    by_status = {str(k): int(v) for k, v in table["status"].value_counts().items()}
    return TableResult(
        table,
        {
            "rows added": len(table),
            "still open": int(left - known - len(table)),
            "hit rate of the rows added": _mean(table["hit_excess"]),
            "raw hit rate of the rows added": _mean(table["hit_raw"]),
            "status of the rows added": by_status or "none",
        },
        is_appended=True,
    )


@table_asset(
    "outcomes.tracking", reads=("outcomes.resolved", "bars.sectors"), settings=("outcomes",)
)
def tracking(run: StageRun) -> TableResult:
    """Hit rate, AUC and calibration by GICS sector and symbol with intervals, the worst first."""
    table = track_outcomes(
        run.table("outcomes.resolved"), run.table("bars.sectors"), run.config.outcomes
    )
    return TableResult(
        table,
        {
            **{f"{row['role']}, all": _score_words(row) for _, row in _level(table, ALL)},
            **{
                f"worst {level}, {row['role']}": f"{row['name']}: {_score_words(row)}"
                for level in (SECTOR, SYMBOL)
                for _, row in _level(table, level)
            },
            "assessable": f"{int(table['is_assessable'].sum())} of {len(table)} groups",
        },
    )


def _level(table: pd.DataFrame, level: str) -> Any:
    """Return the first row of each role in a level: the worst."""
    return table[(table["level"] == level) & (table["position"] == 1)].iterrows()


def _score_words(row: pd.Series) -> str:
    if not row["is_assessable"]:
        return f"{NOT_ASSESSABLE}: n {row['n_rows']:,}, {row['n_horizons']:.1f} horizons"
    return (
        f"AUC {row['auc']:.3f} [{row['auc_low']:.3f}, {row['auc_high']:.3f}],"
        f" hit rate {row['hit_rate']:.3f}, n {row['n_rows']:,}"
    )


def _mean(flags: pd.Series) -> float | str:
    known = flags.dropna()
    return round(float(known.astype("float64").mean()), 4) if len(known) else "none"
