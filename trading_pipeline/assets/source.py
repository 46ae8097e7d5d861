"""The market folder a run reads: the user's own, or one made from what else the source gives."""

from collections.abc import Callable, Sequence
from pathlib import Path

import dagster as dg
import pandas as pd

from trading_pipeline.assets.table_asset import Compute, digest, table_asset
from trading_pipeline.contracts.tables import SqlSelect
from trading_pipeline.domain.bars.minutes import session_hours
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.simulation.made import made_market
from trading_pipeline.domain.simulation.minutes import simulate_minutes
from trading_pipeline.resources import MarketFolder, StageRun, composed_select

# The sample's daily closes end here; its simulated minutes fill the sessions before.
SAMPLE_END = pd.Timestamp("2022-12-28")
SAMPLE_SYMBOLS = tuple(f"SIM{number:02d}" for number in range(1, 9))
SAMPLE_MINUTE_SESSIONS = 40
SAMPLE_SEED = 7


def market_folder(run: StageRun) -> MarketFolder:
    """Return the run's market folder; a made one is written once under `raw/`."""
    source = run.config.source
    if source.kind == "files":
        path = Path(source.data)
    elif run.is_vendor:
        built = ("vendor market", run.hash("bars.requests"))
        path = run.remember("vendor market", built, run.vendor_market)
    else:
        made_from = {"code": run.code_version}
        if source.kind == "simulated":
            made_from["simulation"] = str(run.setting("source.simulation"))
        path = run.home / "raw" / f"{source.kind}-{digest(made_from)}"
        if not path.exists():
            _make(run, path)
    key = (str(path), run.hash("bars.requests"))
    conversions = run.home / "raw" / "converted"
    folder: MarketFolder = run.remember(
        "market folder", key, lambda: MarketFolder.open(path, conversions)
    )
    return folder


def _make(run: StageRun, path: Path) -> None:
    if run.config.source.kind == "simulated":
        run.write_market(path, made_market(run.config.source.simulation))
        return
    dates = session_table()["session_date"]
    sessions = pd.DatetimeIndex(dates[dates <= SAMPLE_END].iloc[-SAMPLE_MINUTE_SESSIONS:])
    run.write_sample(path, simulate_minutes(SAMPLE_SYMBOLS, sessions, SAMPLE_SEED))


def source_fingerprint(run: StageRun) -> dict[str, str]:
    """Return the contents of the folder's files."""
    folder = market_folder(run)
    key = (str(folder.path), run.hash("bars.requests"))
    return {"files": run.remember("source", key, folder.fingerprint)}


def source_asset(
    key: str,
    *,
    reads: Sequence[str] = (),
    settings: Sequence[str] = ("source",),
    kinds: Sequence[str] = ("pandas", "duckdb"),
) -> Callable[[Compute], dg.AssetsDefinition]:
    """Make an asset of what is read from the market folder; see `table_asset`.

    What a vendor is asked for stands before everything that is read of its answers.
    """
    return table_asset(
        key,
        reads=("bars.requests", *reads),
        settings=settings,
        kinds=kinds,
        fingerprint=source_fingerprint,
    )


def minute_select(run: StageRun, query: str, kind: str) -> SqlSelect | None:
    """Return a query of `bars/` over the folder's raw minute bars or quotes; None without any."""
    source, folder = run.config.source, market_folder(run)
    make = folder.minute_relation if kind == "minute" else folder.quote_relation
    raw = make(source.symbols, source.start, source.end)
    span = folder.minute_span()
    if raw is None or span is None:
        return None
    sql = composed_select(query, {f"raw_{kind}": raw.sql}, judged=f"judged_{kind}")
    params = {**raw.params, "sessions": session_hours(*span)}
    if kind == "minute":
        params["suspect_jump_ratio"] = run.config.bars.suspect_jump_ratio
    return SqlSelect(sql, params)
