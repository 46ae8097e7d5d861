"""Tables of what followed live words: by sector and symbol, and whether scores have drifted."""

from collections.abc import Callable

import pandas as pd

from trading_pipeline.reports.scales import percent
from trading_pipeline.reports.table import Cell, Row, Table, counted, dated, table_of, worded
from trading_pipeline.reports.wording import NOT_ASSESSABLE, between, is_missing, quantity

WORST_SYMBOLS = 10
SECTORS, SYMBOLS = ("all", "sector"), ("symbol",)


def sectors_table(tracking: pd.DataFrame) -> Table:
    """Return resolved predictions of each role, all and by sector, worst first."""
    rows = _of_levels(tracking, SECTORS)
    return _tracked("By sector, worst first", rows, "", lambda row: str(row["name"]))


def symbols_table(tracking: pd.DataFrame) -> Table:
    """Return the symbols of each role with the lowest AUC (outcomes.tracking)."""
    rows = _of_levels(tracking, SYMBOLS)
    worst = rows[rows["position"] <= WORST_SYMBOLS]
    n_more = len(rows) - len(worst)
    remark = f"{n_more:,} more symbols are in outcomes.tracking." if n_more else ""
    return _tracked("Worst symbols", worst, remark, lambda row: Cell(str(row["name"]), "code"))


def _of_levels(tracking: pd.DataFrame, levels: tuple[str, ...]) -> pd.DataFrame:
    rows = tracking[tracking["level"].isin(levels)]
    return rows.sort_values(["role", "level", "position"])


def _tracked(
    title: str, rows: pd.DataFrame, remark: str, name: Callable[[Row], str | Cell]
) -> Table:
    def score(column: str) -> Callable[[Row], str | Cell]:
        def write(row: Row) -> str | Cell:
            if not row["is_assessable"]:
                return Cell(NOT_ASSESSABLE, "open")
            return between(row[column], row[f"{column}_low"], row[f"{column}_high"])

        return write

    def plain(column: str) -> Callable[[Row], str]:
        return lambda row: "–" if is_missing(row[column]) else quantity(row[column])

    return table_of(
        title,
        rows,
        [
            ("role", worded("role"), False),
            ("of", name, False),
            ("AUC", score("auc"), True),
            ("hit rate", score("hit_rate"), True),
            ("raw hits", plain("raw_hit_rate"), True),
            ("ECE", plain("ece"), True),
            ("slope", plain("calibration_slope"), True),
            ("rows", counted("n_rows"), True),
            ("horizons", lambda row: f"{row['n_horizons']:.1f}", True),
        ],
        remark,
    )


def scores_drift_table(predictions: pd.DataFrame) -> Table:
    """Return how the live scores stand at the last session (drift.predictions)."""
    last = predictions.sort_values("session").tail(1)

    def spread(row: Row) -> str | Cell:
        if is_missing(row["psi"]) or is_missing(row["threshold"]):
            return Cell(NOT_ASSESSABLE, "open")
        return f"{quantity(row['psi'])} (limit {quantity(row['threshold'])})"

    return table_of(
        "Scores and outcomes of the model in service",
        last,
        [
            ("session", dated("session_date"), True),
            ("PSI of the scores", spread, True),
            ("live AUC", lambda row: between(row["auc"], row["auc_low"], row["auc_high"]), True),
            ("hit rate", lambda row: quantity(row["hit_rate"]), True),
            ("resolved", counted("n_resolved"), True),
            ("horizons", lambda row: f"{row['n_horizons']:.1f}", True),
        ],
    )


def regimes_drift_table(regimes: pd.DataFrame) -> Table:
    """Return the share of each regime in the last sessions (drift.regimes)."""

    def share(name: str) -> Callable[[Row], str]:
        return lambda row: NOT_ASSESSABLE if is_missing(row[name]) else percent(row[name])

    return table_of(
        "Regimes of the last sessions",
        regimes,
        [
            ("regime", worded("regime"), False),
            ("in training", share("share_trained"), True),
            ("last sessions", share("share_live"), True),
            ("threshold", share("threshold"), True),
            (
                "state",
                lambda row: Cell(
                    "beyond training" if row["is_drifted"] else "within limits",
                    "bad" if row["is_drifted"] else "good",
                ),
                False,
            ),
        ],
    )
