"""The few numbers on the first card, each with its interval and what it rests on."""

from dataclasses import dataclass

import pandas as pd

from trading_pipeline.contracts.report import ReportPayload
from trading_pipeline.reports.wording import (
    NOT_ASSESSABLE,
    day,
    is_missing,
    plural,
    quantity,
)


@dataclass(frozen=True)
class KeyFigure:
    """A number with its name; `interval` and `rests_on` may be empty."""

    name: str
    value: str
    interval: str = ""
    rests_on: str = ""


def key_figures(payload: ReportPayload) -> list[KeyFigure]:
    """Return AUC, rank IC, Sharpe, return, drawdown and what they were measured on."""
    figures = [*_scores(payload.scores), *_book(payload.summary)]
    start, end = (payload.protocol.get(f"holdout_{edge}") for edge in ("start", "end"))
    if not is_missing(start) and not is_missing(end):
        reads = _reads(payload.holdout_reads, payload.protocol.get("protocol_id"))
        opened = f"opened {plural(reads, 'time')}" if reads else "openings not recorded"
        figures.append(KeyFigure("Hold-out", f"{day(start)} – {day(end)}", "", opened))
    return figures


def _reads(reads: pd.DataFrame | None, protocol_id: object) -> int:
    """Return how often the hold-out of this protocol was opened."""
    return 0 if reads is None else int((reads["protocol_id"] == protocol_id).sum())


def _scores(scores: pd.DataFrame | None) -> list[KeyFigure]:
    names = (("auc", "AUC"), ("rank_ic", "Rank IC"))
    if scores is not None:
        mine = scores[(scores["learner"] == "stack") & (scores["regime"] == "all")]
        if len(mine):
            row = mine.iloc[0]
            rests = f"{row['n_rows']:,} rows, {row['n_horizons']:.0f} independent horizons"
            return [_with_interval(title, row, name, name, rests) for name, title in names]
    return [KeyFigure(title, NOT_ASSESSABLE) for _, title in names]


def _with_interval(title: str, row: pd.Series, name: str, unit: str, rests_on: str) -> KeyFigure:
    low, high = row.get(f"{name}_low", row.get("low")), row.get(f"{name}_high", row.get("high"))
    interval = ""
    if not is_missing(low) and not is_missing(high):
        interval = f"{quantity(low, unit)} to {quantity(high, unit)}"
    value = row["value"] if "value" in row.index else row[name]
    return KeyFigure(title, quantity(value, unit), interval, rests_on)


def _book(summary: pd.DataFrame | None) -> list[KeyFigure]:
    names = (
        ("sharpe_net", "Sharpe, net"),
        ("net_return_frac", "Net return"),
        ("max_drawdown_frac", "Worst drawdown"),
        ("dsr", "Deflated Sharpe (DSR)"),
    )
    if summary is None or summary.empty:
        return [KeyFigure(title, NOT_ASSESSABLE) for _, title in names]
    known = {str(row["metric"]): row for _, row in summary.iterrows()}
    return [
        _with_interval(title, known[name], "", name, _observed(known[name]))
        for name, title in names
        if name in known
    ]


def _observed(row: pd.Series) -> str:
    return "" if is_missing(row["n"]) else f"n {int(row['n']):,}"
