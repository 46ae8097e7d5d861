"""The market folder a run reads: the user's own, or one made from the sample or a simulation."""

from pathlib import Path

import pandas as pd

from trading_pipeline.assets.table_asset import digest
from trading_pipeline.contracts.tables import SqlSelect
from trading_pipeline.domain.bars.minutes import session_hours
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.simulation.market import simulate_market
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
    else:
        made_from = {"code": run.code_version}
        if source.kind == "simulated":
            made_from["simulation"] = str(run.setting("source.simulation"))
        path = run.home / "raw" / f"{source.kind}-{digest(made_from)}"
        if not path.exists():
            _make(run, path)
    folder: MarketFolder = run.remember("market folder", str(path), lambda: MarketFolder.open(path))
    return folder


def _make(run: StageRun, path: Path) -> None:
    if run.config.source.kind == "simulated":
        run.write_market(path, simulate_market(run.config.source.simulation))
        return
    dates = session_table()["session_date"]
    sessions = pd.DatetimeIndex(dates[dates <= SAMPLE_END].iloc[-SAMPLE_MINUTE_SESSIONS:])
    run.write_sample(path, simulate_minutes(SAMPLE_SYMBOLS, sessions, SAMPLE_SEED))


def source_fingerprint(run: StageRun) -> dict[str, str]:
    """Return the contents of the folder's files."""
    folder = market_folder(run)
    return {"files": run.remember("source", str(folder.path), folder.fingerprint)}


def minute_select(run: StageRun, query: str, kind: str) -> SqlSelect | None:
    """Return a query of `bars/` over the folder's raw minute bars or quotes; None without any."""
    source, folder = run.config.source, market_folder(run)
    make = folder.minute_relation if kind == "minute" else folder.quote_relation
    raw = make(source.symbols, source.start, source.end)
    span = folder.minute_span()
    if raw is None or span is None:
        return None
    sql = composed_select(query, {f"raw_{kind}": raw.sql}, judged=f"judged_{kind}")
    return SqlSelect(sql, {**raw.params, "sessions": session_hours(*span)})
