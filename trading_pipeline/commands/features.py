"""Compute a feature set of a market folder to one Parquet file; no home is needed."""

import os
import time
from pathlib import Path

import pandas as pd
from rich.console import Console

from trading_pipeline.adapters.market_folder import MarketFolder
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.bars.clean import clean_daily
from trading_pipeline.domain.bars.context import clean_actions, clean_vix
from trading_pipeline.domain.bars.universe import build_universe, daily_spans
from trading_pipeline.domain.features.daily import build_daily_features
from trading_pipeline.domain.features.registry import feature_registry
from trading_pipeline.domain.regimes.broad_index import broad_index
from trading_pipeline.domain.regimes.market import label_regimes

FEATURE_SETS = ("daily",)


def write_features(
    console: Console, config: PipelineConfig, feature_set: str, out: Path, dry_run: bool
) -> None:
    """Write `symbol`, `session_date` and one column a feature. Raises InputError."""
    if feature_set not in FEATURE_SETS:
        raise InputError(
            f"feature set {feature_set!r} does not exist; give one of: {', '.join(FEATURE_SETS)}"
        )
    source = config.source
    folder = MarketFolder.open(Path(source.data))
    folder.check(source.symbols, source.start, source.end)
    registry = feature_registry(config.features)
    if not out.parent.is_dir():
        raise InputError(f"folder {out.parent} of --out does not exist; make it first")
    raw = folder.read_daily(source.symbols, source.start, source.end)
    if dry_run:
        megabytes = len(raw) * len(registry) * 8 / 1e6
        console.print(
            f"set {feature_set}: {len(registry)} features over about {len(raw):,} rows, "
            f"about {2 * megabytes:.0f} MB of memory; would write {out}"
        )
        return
    began = time.process_time()
    delivered = folder.read_corporate_actions()
    actions = None if delivered is None else clean_actions(delivered)[0]
    bars, refused = clean_daily(raw, actions, config.bars)
    universe = build_universe(
        daily_spans(bars), folder.kinds(source.end), folder.index_symbol, folder.read_universe()
    )
    raw_vix = folder.read_vix()
    vix = clean_vix(raw_vix)[0] if raw_vix is not None else _empty_vix()
    regimes = label_regimes(broad_index(bars, universe)[0], vix, config.regimes)
    sectors = folder.read_sectors()
    features = build_daily_features(
        bars,
        universe,
        regimes,
        vix,
        sectors if sectors is not None else pd.DataFrame({"symbol": [], "gics_sector": []}),
        registry,
    )
    spent = time.process_time() - began
    temporary = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        features.drop(columns=["session", "known_at"]).to_parquet(temporary, index=False)
        os.replace(temporary, out)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}") from None
    console.print(
        f"{len(features):,} rows x {len(registry)} features in {spent:.1f} CPU seconds, "
        f"{len(refused):,} rows refused; written to {out}",
        highlight=False,
    )


def _empty_vix() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "session_date": pd.Series(dtype="datetime64[ns]"),
            **{name: pd.Series(dtype=float) for name in ("open", "high", "low", "close")},
            "known_at": pd.Series(dtype="datetime64[ns, UTC]"),
        }
    )
