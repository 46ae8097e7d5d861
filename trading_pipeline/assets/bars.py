"""Bars stage: clean bars, the context beside them, and what was refused with its reason.

market folder  ->  bars.daily, minute, quotes, vix, macro, sectors, corporate_actions
bars.daily, bars.minute  ->  bars.universe;  bars.minute  ->  bars.intraday
"""

import pandas as pd

from trading_pipeline.assets.events import refused_events
from trading_pipeline.assets.source import (
    market_folder,
    minute_select,
    source_asset,
    source_fingerprint,
)
from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.contracts.tables import SqlSelect, TableResult
from trading_pipeline.domain.bars.clean import clean_daily
from trading_pipeline.domain.bars.context import clean_actions, clean_macro, clean_vix
from trading_pipeline.domain.bars.minutes import INTERVALS_MINUTES, session_hours
from trading_pipeline.domain.bars.quarantine import joined
from trading_pipeline.domain.bars.universe import build_universe, daily_spans
from trading_pipeline.resources import StageRun, composed_select, read_query


def cleaned(run: StageRun) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (bars, quarantine) of the daily files, computed once a run."""
    source, folder = run.config.source, market_folder(run)

    def clean() -> tuple[pd.DataFrame, pd.DataFrame]:
        raw = folder.read_daily(source.symbols, source.start, source.end)
        actions = folder.read_corporate_actions()
        known = None if actions is None else clean_actions(actions)[0]
        return clean_daily(raw, known, run.config.bars)

    key = (source_fingerprint(run)["files"], source, run.config.bars)
    found: tuple[pd.DataFrame, pd.DataFrame] = run.remember("clean daily bars", key, clean)
    return found


@source_asset("bars.daily", settings=("source", "bars.suspect_jump_ratio"))
def daily(run: StageRun) -> TableResult:
    """Daily bars that no rule refuses; prices as delivered, comparable through adj_factor."""
    bars, refused = cleaned(run)
    return TableResult(
        bars,
        {
            "refused or withheld": len(refused),
            "vendors": ", ".join(sorted(bars["vendor"].unique())),
            "vendor seams": int(bars["has_vendor_seam"].sum()),
            "without volume": int(bars["volume"].isna().sum()),
            "confirmed late": int(
                (
                    bars["known_at"]
                    .dt.tz_convert("America/New_York")
                    .dt.normalize()
                    .dt.tz_localize(None)
                    > bars["session_date"]
                ).sum()
            ),
        },
    )


@source_asset(
    "bars.quarantine", reads=("bars.daily",), settings=("source", "bars.suspect_jump_ratio")
)
def quarantine(run: StageRun) -> TableResult:
    """Every row that was refused or withheld, with its reason; nothing is dropped silently."""
    folder = market_folder(run)
    parts = [cleaned(run)[1]]
    vix, macro, actions = folder.read_vix(), folder.read_macro(), folder.read_corporate_actions()
    parts += [clean_vix(vix)[1]] if vix is not None else []
    parts += [clean_macro(macro)[1]] if macro is not None else []
    parts += [clean_actions(actions)[1]] if actions is not None else []
    parts += refused_events(run)
    for kind in ("minute", "quotes"):
        select = minute_select(run, f"bars/{kind}_quarantine", kind)
        if select is not None:
            parts.append(run.read(select.sql, **select.params))
    table = joined(parts)
    reasons = table["reason"].value_counts()
    return TableResult(
        table,
        {
            **{f"reason {reason}": int(n) for reason, n in reasons.items()},
            "plot": run.plot("quarantine", "refused rows by reason", quarantine=table),
        },
    )


def _lake_result(run: StageRun, query: str, kind: str, table: str) -> TableResult:
    select = minute_select(run, query, kind)
    if select is None:
        empty = run.table(table).iloc[:0]
        return TableResult(empty, {"why empty": f"the source has no {kind} files"})
    return TableResult(select, {"written by": "DuckDB, by month, without passing through pandas"})


@source_asset(
    "bars.minute",
    settings=("source", "bars.suspect_jump_ratio"),
    kinds=("duckdb", "parquet"),
)
def minute(run: StageRun) -> TableResult:
    """One-minute bars that no rule refuses, by month in the lake."""
    return _lake_result(run, "bars/minute", "minute", "bars.minute")


@source_asset("bars.quotes", kinds=("duckdb", "parquet"))
def quotes(run: StageRun) -> TableResult:
    """Best bid and offer per minute, by month in the lake."""
    return _lake_result(run, "bars/quotes", "quotes", "bars.quotes")


@table_asset("bars.intraday", reads=("bars.minute",), kinds=("duckdb", "parquet"))
def intraday(run: StageRun) -> TableResult:
    """Bars of 5, 10, 15 and 60 minutes from regular minutes, counted from the session's open."""
    span = run.read("select min(session_date) as a, max(session_date) as b from bars.minute").iloc[
        0
    ]
    intervals = list(INTERVALS_MINUTES)
    if pd.isna(span["a"]):
        return TableResult(run.table("bars.intraday").iloc[:0], {"why empty": "no minute bars"})
    select = SqlSelect(
        composed_select("bars/intraday", {}),
        {"sessions": session_hours(span["a"].date(), span["b"].date()), "intervals": intervals},
    )
    return TableResult(select, {"intervals": ", ".join(f"{n} min" for n in intervals)})


@source_asset("bars.vix")
def vix(run: StageRun) -> TableResult:
    """VIX per session, known at 16:15 New York; empty where the source has none."""
    raw = market_folder(run).read_vix()
    if raw is None:
        return TableResult(run.table("bars.vix").iloc[:0], {"why empty": "no vix file"})
    table = _within(run, clean_vix(raw)[0], "session_date")
    return TableResult(table, {"highest close": float(table["close"].max())})


@source_asset("bars.macro")
def macro(run: StageRun) -> TableResult:
    """Macro-economic observations with the moment they could first be used."""
    raw = market_folder(run).read_macro()
    if raw is None:
        return TableResult(run.table("bars.macro").iloc[:0], {"why empty": "no macro file"})
    table = _within(run, clean_macro(raw)[0], "observed_date")
    return TableResult(table, {"series": int(table["series"].nunique())})


@source_asset("bars.sectors")
def sectors(run: StageRun) -> TableResult:
    """GICS sector per symbol: today's membership, without history."""
    table = market_folder(run).read_sectors()
    if table is None:
        return TableResult(run.table("bars.sectors").iloc[:0], {"why empty": "no sectors file"})
    return TableResult(table, {"sectors": int(table["gics_sector"].nunique())})


@source_asset("bars.corporate_actions")
def corporate_actions(run: StageRun) -> TableResult:
    """Splits and dividends."""
    raw = market_folder(run).read_corporate_actions()
    if raw is None:
        empty = run.table("bars.corporate_actions").iloc[:0]
        return TableResult(empty, {"why empty": "no corporate_actions file"})
    table = _within(run, clean_actions(raw)[0], "ex_date")
    return TableResult(table, {"splits": int((table["action"] == "split").sum())})


@table_asset("bars.universe", reads=("bars.daily", "bars.minute"), settings=("source",))
def universe(run: StageRun) -> TableResult:
    """What each symbol is (equity, etf, index), when it traded, and whether it is simulated."""
    folder = market_folder(run)
    spans = pd.concat(
        [
            daily_spans(run.table("bars.daily")),
            run.read(read_query("bars/minute_spans")),
        ],
        ignore_index=True,
    )
    table = build_universe(
        spans, folder.kinds(run.config.source.end), folder.index_symbol, folder.read_universe()
    )
    months = coverage_months(run)
    return TableResult(
        table,
        {
            "equities": int((table["kind"] == "equity").sum()),
            "delisted": int(table["is_delisted"].sum()),
            "simulated symbols": int(table["is_simulated"].sum()),
            "broad index": ", ".join(table.loc[table["is_index"], "symbol"])
            or "none: equal-weight",
            "plot": run.plot("coverage", "symbols over time", universe=table, months=months),
        },
    )


def coverage_months(run: StageRun) -> pd.DataFrame:
    """Return symbols and rows per month of the daily bars."""
    return run.read(
        "select date_trunc('month', session_date)::date as month,"
        " count(distinct symbol) as n_symbols, count(*) as n_rows"
        " from bars.daily group by all order by month"
    )


def _within(run: StageRun, table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the rows up to the source's end; earlier context stays, for it warms features up."""
    end = run.config.source.end
    return table if end is None else table[table[column] <= pd.Timestamp(end)]
