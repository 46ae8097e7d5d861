"""Compute a feature set of a market folder to one Parquet file; no home is needed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from trading_pipeline.adapters.feature_module import load_feature_module
from trading_pipeline.adapters.market_files import memory_connection
from trading_pipeline.adapters.market_folder import MarketFolder
from trading_pipeline.commands.cost import Cost
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.bars.clean import clean_daily
from trading_pipeline.domain.bars.context import clean_actions, clean_macro, clean_vix
from trading_pipeline.domain.bars.events import CLEANERS
from trading_pipeline.domain.bars.minutes import session_hours
from trading_pipeline.domain.bars.universe import build_universe, daily_spans
from trading_pipeline.domain.features.daily import compute_daily_features
from trading_pipeline.domain.features.registry import feature_registry
from trading_pipeline.domain.regimes.broad_index import broad_index
from trading_pipeline.domain.regimes.market import label_regimes
from trading_pipeline.resources.queries import composed_select

# Bytes a value takes in memory, with what is needed beside it.
DAILY_BYTES = 8
BYTES_PER_BAR = 250
# A row group: large enough to write fast, small enough that a few of them in memory are little.
CHUNK_ROWS = 1 << 16


def write_features(
    console: Console, config: PipelineConfig, feature_set: str, out: Path, dry_run: bool
) -> None:
    """Write `symbol`, the row's date or time, and one column a feature. Raises InputError."""
    writers = {
        "daily": _write_daily,
        "intraday": _write_intraday,
        "alpha158": _write_factors,
        "factors14": _write_factors,
    }
    if feature_set not in writers:
        raise InputError(
            f"feature set {feature_set!r} does not exist; give one of: {', '.join(writers)}"
        )
    if not out.parent.is_dir():
        raise InputError(f"folder {out.parent} of --out does not exist; make it first")
    if out.is_dir():
        raise InputError(f"--out {out} is a folder; name a file in it")
    source = config.source
    folder = MarketFolder.open(Path(source.data))
    folder.check(source.symbols, source.start, source.end)
    cost = Cost()
    said = writers[feature_set](folder, config, feature_set, out, dry_run, cost)
    console.print(said, highlight=False)
    if not dry_run:
        cost.print(console)


def _write_factors(
    folder: MarketFolder,
    config: PipelineConfig,
    feature_set: str,
    out: Path,
    dry_run: bool,
    cost: Cost,
) -> str:
    from trading_pipeline.commands.factor_file import write_factors
    from trading_pipeline.domain.features.factor_sets import FACTOR_SETS

    chosen = FACTOR_SETS[feature_set]
    raw = _raw_daily(folder, config, cost)
    if dry_run:
        rooms = 1 + config.runtime.threads
        needed = len(raw) * BYTES_PER_BAR + rooms * CHUNK_ROWS * len(chosen.columns) * 4
        return _intention(feature_set, len(chosen.columns), len(raw), needed, out)
    bars, refused = _clean(raw, folder, config, cost)
    del raw
    with _replacing(out) as temporary:
        write_factors(
            bars, chosen, temporary, cost, threads=config.runtime.threads, chunk_rows=CHUNK_ROWS
        )
    return _result(len(bars), len(chosen.columns), refused, out)


def _write_daily(
    folder: MarketFolder,
    config: PipelineConfig,
    feature_set: str,
    out: Path,
    dry_run: bool,
    cost: Cost,
) -> str:
    source = config.source
    registry = feature_registry(config.features, load_feature_module(config.features.module))
    raw = _raw_daily(folder, config, cost)
    if dry_run:
        needed = len(raw) * (BYTES_PER_BAR + len(registry) * DAILY_BYTES)
        return _intention(feature_set, len(registry), len(raw), needed, out)
    bars, refused = _clean(raw, folder, config, cost)
    with cost.part("computing"):
        universe = build_universe(
            daily_spans(bars), folder.kinds(source.end), folder.index_symbol, folder.read_universe()
        )
        raw_vix = folder.read_vix()
        vix = clean_vix(raw_vix)[0] if raw_vix is not None else _empty_vix()
        regimes = label_regimes(broad_index(bars, universe)[0], vix, config.regimes)
        sectors = folder.read_sectors()
        computed = compute_daily_features(
            bars,
            universe,
            regimes,
            vix,
            sectors if sectors is not None else pd.DataFrame({"symbol": [], "gics_sector": []}),
            registry,
            _events(folder),
            np.float32,
        )
    n_rows = computed.panel.size
    frames = (
        computed.frame(slice(first, first + CHUNK_ROWS)).drop(columns=["session", "known_at"])
        for first in range(0, max(n_rows, 1), CHUNK_ROWS)
    )
    _write_frames(frames, out, cost)
    return _result(n_rows, len(registry), refused, out)


def _events(folder: MarketFolder) -> dict[str, pd.DataFrame]:
    """Return the tables of events and of macro series that the folder has."""
    raw = {kind: folder.read_events(kind) for kind in CLEANERS}
    tables = {kind: CLEANERS[kind](rows)[0] for kind, rows in raw.items() if rows is not None}
    macro = folder.read_macro()
    return tables if macro is None else {**tables, "macro": clean_macro(macro)[0]}


def _write_intraday(
    folder: MarketFolder,
    config: PipelineConfig,
    feature_set: str,
    out: Path,
    dry_run: bool,
    cost: Cost,
) -> str:
    from trading_pipeline.domain.features.intraday import intraday_chunks
    from trading_pipeline.domain.features.intraday_registry import column_names

    source = config.source
    raw = folder.minute_relation(source.symbols, source.start, source.end)
    span = folder.minute_span()
    if raw is None or span is None:
        raise InputError(f"{folder.path} has no minute bars, which the set intraday needs")
    query = composed_select("bars/minute", {"raw_minute": raw.sql}, judged="judged_minute")
    params = {
        **raw.params,
        "sessions": session_hours(*span),
        "suspect_jump_ratio": config.bars.suspect_jump_ratio,
    }
    wanted = "symbol, opens_at, open, high, low, close, volume"
    if dry_run:
        with memory_connection() as connection:
            counted = connection.execute(f"select count(*) from ({raw.sql})", raw.params).fetchone()
        n_rows = int(counted[0]) if counted else 0
        return f"set {feature_set}: about {n_rows:,} minutes; would write {out}"
    with cost.part("reading and cleaning"), memory_connection() as connection:
        connection.execute(f"set threads = {config.runtime.threads}")
        sql = f"select {wanted} from ({query}) where is_regular"
        table = connection.sql(sql, params=params).to_arrow_table()
        words = table["symbol"].dictionary_encode()
        table = table.set_column(table.column_names.index("symbol"), "symbol", words)
        minutes = table.to_pandas(split_blocks=True, self_destruct=True)
    with cost.part("computing"):
        delivered = folder.read_corporate_actions()
        actions = None if delivered is None else clean_actions(delivered)[0]
        frames = intraday_chunks(minutes, config.features.intraday, actions, config.runtime.threads)
    n_rows = _write_frames(frames, out, cost)
    n_features = len(column_names(config.features.intraday))
    return f"{n_rows:,} rows x {n_features} features; written to {out}"


def _raw_daily(folder: MarketFolder, config: PipelineConfig, cost: Cost) -> pd.DataFrame:
    source = config.source
    with cost.part("reading"):
        return folder.read_daily(source.symbols, source.start, source.end)


def _clean(
    raw: pd.DataFrame, folder: MarketFolder, config: PipelineConfig, cost: Cost
) -> tuple[pd.DataFrame, int]:
    """Return bars.daily and the number of refused rows."""
    with cost.part("cleaning"):
        delivered = folder.read_corporate_actions()
        actions = None if delivered is None else clean_actions(delivered)[0]
        bars, refused = clean_daily(raw, actions, config.bars)
    return bars, len(refused)


def _intention(feature_set: str, n_features: int, n_rows: int, needed: int, out: Path) -> str:
    return (
        f"set {feature_set}: {n_features} features over about {n_rows:,} rows, "
        f"about {needed / 1e6:.0f} MB of memory; would write {out}"
    )


def _result(n_rows: int, n_features: int, n_refused: int, out: Path) -> str:
    return f"{n_rows:,} rows x {n_features} features, {n_refused:,} rows refused; written to {out}"


def _write_frames(frames: Iterator[pd.DataFrame], out: Path, cost: Cost) -> int:
    """Write frames as they are computed, a row group each; return the number of rows."""
    n_rows = 0
    with _replacing(out) as temporary:
        writer = None
        while True:
            with cost.part("computing"):
                frame = next(frames, None)
            if frame is None:
                break
            with cost.part("writing"):
                rows = pa.Table.from_pandas(frame, preserve_index=False)
                writer = writer or pq.ParquetWriter(temporary, rows.schema)
                writer.write_table(rows.cast(writer.schema))
                n_rows += len(frame)
        if writer is not None:
            writer.close()
    return n_rows


@contextmanager
def _replacing(out: Path) -> Iterator[Path]:
    """Give a temporary path that takes the place of `out` at the end, and goes at a failure."""
    temporary = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        yield temporary
        os.replace(temporary, out)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _empty_vix() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "session_date": pd.Series(dtype="datetime64[ns]"),
            **{name: pd.Series(dtype=float) for name in ("open", "high", "low", "close")},
            "known_at": pd.Series(dtype="datetime64[ns, UTC]"),
        }
    )
