"""Bars stage: how good the bars are; nothing here changes a bar.

bars.minute  ->  bars.coverage, bars.volume_breaks;  raw answers  ->  bars.revisions
bars.quotes, bars.minute, bars.daily  ->  bars.spreads
"""

import pandas as pd

from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.domain.bars.minutes import SessionHours, session_hours
from trading_pipeline.domain.bars.revisions import DAY_MINUTES, revised_bars
from trading_pipeline.domain.bars.spreads import NO_QUOTES, spread_table
from trading_pipeline.domain.bars.volume_breaks import find_volume_breaks
from trading_pipeline.resources import StageRun, composed_select


@table_asset("bars.coverage", reads=("bars.minute", "bars.quarantine"))
def coverage(run: StageRun) -> TableResult:
    """Minutes present and missing per symbol and session; counted against the calendar, not filled.

    A session inside a symbol's minute span that has no bar at all stands with every minute missing.
    """
    sessions = _sessions_of(run, "bars.minute")
    if not sessions:
        return TableResult(run.table("bars.coverage").iloc[:0], {"why empty": "no minute bars"})
    table = run.read(composed_select("bars/coverage", {}), sessions=sessions)
    traded = table[table["n_minutes"] > 0]
    expected = int(traded["n_expected"].sum())
    months = (
        table.assign(month=table["session_date"].dt.to_period("M").dt.to_timestamp())
        .groupby(["symbol", "month"], as_index=False)[["n_expected", "n_minutes"]]
        .sum()
    )
    refused = run.read("select reason from bars.quarantine")
    return TableResult(
        table,
        {
            "minutes present, share of sessions with bars": (
                round(float(traded["n_minutes"].sum()) / expected, 5) if expected else "none"
            ),
            "minutes missing in sessions with bars": int(traded["n_missing"].sum()),
            "sessions without any bar": int((table["n_minutes"] == 0).sum()),
            "longest gap in a session with bars, minutes": int(
                traded["longest_gap_minutes"].max() if len(traded) else 0
            ),
            "extended minutes": int(table["n_extended"].sum()),
            "plot": run.plot("minute_coverage", "minutes with a bar", months=months),
            "plot of refused rows": run.plot(
                "quarantine", "refused rows by reason", quarantine=refused
            ),
        },
    )


@table_asset(
    "bars.volume_breaks",
    reads=("bars.minute", "bars.daily"),
    settings=("bars.volume_breaks",),
)
def volume_breaks(run: StageRun) -> TableResult:
    """Sessions at which a feed's minute volume moves to another level, such as one venue to all.

    Told with hindsight: `known_at` is the close of the last session the rule had to see.
    """
    levels = run.query("bars/minute_volumes")
    table = find_volume_breaks(levels, run.config.bars.volume_breaks)
    if levels.empty:
        return TableResult(table, {"why empty": "no minute bars with volume"})
    by_session = table.groupby("session_date").size()
    return TableResult(
        table,
        {
            "symbol sessions looked at": len(levels),
            "breaks": ", ".join(f"{day:%Y-%m-%d}: {n} symbols" for day, n in by_session.items())
            or "none",
        },
    )


@table_asset(
    "bars.revisions",
    reads=("bars.requests", "bars.daily", "bars.minute"),
    settings=("source.kind",),
    fingerprint=lambda run: {"ledger": run.hash("bars.requests")},
)
def revisions(run: StageRun) -> TableResult:
    """Bars delivered again with other values: what stood before, and when each version came."""
    empty = run.table("bars.revisions").iloc[:0]
    if not run.is_vendor:
        why = (
            "files have no time of delivery; where two hold the same bar their order decides, "
            "and the one that loses stands in bars.quarantine"
        )
        return TableResult(empty, {"why empty": why})
    again = ((run.deliveries("daily"), DAY_MINUTES), (run.deliveries("minute"), 1))
    parts = [revised_bars(bars, minutes) for bars, minutes in again if len(bars)]
    table = pd.concat(parts, ignore_index=True) if parts else empty
    return TableResult(
        table,
        {
            "bars revised": int((table["revision"] == 1).sum()),
            "latest revision": str(table["known_at"].max()) if len(table) else "none",
        },
    )


@table_asset(
    "bars.spreads",
    reads=("bars.quotes", "bars.minute", "bars.daily"),
    settings=("bars.spreads",),
)
def spreads(run: StageRun) -> TableResult:
    """Half-spread per symbol and time of the session: from quotes, else from the model."""
    config = run.config.bars.spreads
    sessions = _sessions_of(run, "bars.quotes")
    measured = NO_QUOTES
    if sessions:
        measured = run.read(
            composed_select("bars/quote_spreads", {}),
            sessions=sessions,
            bucket_minutes=config.bucket_minutes,
            high_quantile=config.high_quantile,
        )
    inputs = run.query("bars/spread_inputs", n_sessions=config.model_sessions)
    table = spread_table(measured, inputs, config)
    if table.empty:
        return TableResult(table, {"why empty": "neither quotes nor traded amounts"})
    medians = table.groupby("source")["half_spread_bps"].median()
    return TableResult(
        table,
        {
            "rows from quotes": int((table["source"] == "quotes").sum()),
            "rows from the model": int((table["source"] == "model").sum()),
            **{f"median half-spread, {name}, bps": round(v, 3) for name, v in medians.items()},
            "quotes left out": int(measured["n_unusable"].sum()),
        },
    )


def _sessions_of(run: StageRun, table: str) -> list[SessionHours]:
    """Return the sessions of the calendar that a table spans; none where it is empty."""
    span = run.read(
        f"select min(session_date) as first_date, max(session_date) as last_date from {table}"
    ).iloc[0]
    if pd.isna(span["first_date"]):
        return []
    return session_hours(span["first_date"].date(), span["last_date"].date())
