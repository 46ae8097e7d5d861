"""Tables of the book's tear sheet: what it proves, other costs, falls, months."""

import pandas as pd

from trading_pipeline.reports.table import Row, Table, counted, dated, table_of, valued, worded
from trading_pipeline.reports.wording import between, day, is_missing, quantity

MOST_FALLS = 20


def evidence_table(evidence: pd.DataFrame) -> Table:
    """Return what the figures prove, each with its interval, n and period (backtest.evidence)."""

    def value(row: Row) -> str:
        name = str(row["metric"])
        if is_missing(row["low"]) or is_missing(row["high"]):
            return quantity(row["value"], name)
        return between(row["value"], row["low"], row["high"], name)

    def period(row: Row) -> str:
        if is_missing(row["first_date"]):
            return "–"
        return f"{day(row['first_date'])} to {day(row['last_date'])}"

    return table_of(
        "What the figures prove",
        evidence,
        [
            ("figure", worded("metric"), False),
            ("value", value, True),
            ("n", counted("n"), True),
            ("period", period, False),
            ("what it rests on", lambda row: str(row["note"]), False),
        ],
    )


def sensitivity_table(sensitivity: pd.DataFrame) -> Table:
    """Return the book at other costs (backtest.sensitivity)."""
    return table_of(
        "The book at other costs",
        sensitivity.sort_values("cost_multiple"),
        [
            ("costs times", lambda row: f"{row['cost_multiple']:g}", True),
            ("costs of what was traded", valued("cost_bps"), True),
            ("costs of capital", valued("cost_frac"), True),
            ("net return", valued("net_return_frac"), True),
            (
                "Sharpe, net",
                lambda row: between(row["sharpe_net"], row["sharpe_low"], row["sharpe_high"]),
                True,
            ),
            ("sessions", counted("n_sessions"), True),
        ],
    )


def drawdowns_table(drawdowns: pd.DataFrame) -> Table:
    """Return the 20 deepest falls (backtest.drawdowns)."""
    return table_of(
        f"Deepest falls, {min(MOST_FALLS, len(drawdowns))} of {len(drawdowns)}",
        drawdowns.sort_values("position").head(MOST_FALLS),
        [
            ("peak", dated("peak_date"), False),
            ("lowest close", dated("trough_date"), False),
            ("recovered", dated("recovered_date"), False),
            ("depth", valued("depth_frac"), True),
            ("sessions down", counted("n_sessions_down"), True),
            ("sessions up", counted("n_sessions_up"), True),
            ("sessions", counted("n_sessions"), True),
        ],
        "A fall that has not recovered has no such date; its length runs to the last close.",
    )


def monthly_table(monthly: pd.DataFrame) -> Table:
    """Return the book by month (backtest.monthly)."""
    return table_of(
        "The book by month",
        monthly.sort_values("month_date"),
        [
            ("month", lambda row: day(row["month_date"])[:7], False),
            ("net", valued("net_return_frac"), True),
            ("costs", valued("cost_frac"), True),
            ("before costs", valued("gross_return_frac"), True),
            ("index", valued("index_return_frac"), True),
            ("exposure", valued("gross_exposure_frac"), True),
            ("turnover", valued("turnover_frac"), True),
            ("entries", counted("n_entries"), True),
            ("sessions", counted("n_sessions"), True),
        ],
        "Returns are over the fixed capital and add up.",
    )
