"""One market of the truth suite, in a process of its own: made or read as a folder, then judged."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from trading_pipeline.adapters.feature_module import load_feature_module
from trading_pipeline.adapters.market_folder import MarketFolder
from trading_pipeline.adapters.market_writer import market_tables, write_market_folder
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.bars.context import clean_actions, clean_macro, clean_vix
from trading_pipeline.domain.bars.events import CLEANERS
from trading_pipeline.domain.features.registry import feature_registry
from trading_pipeline.domain.simulation.market import simulate_market
from trading_pipeline.domain.truth.judged import DeliveredMarket, control_auc, judge_market
from trading_pipeline.domain.truth.suite import MarketTask, simulation_of

ORACLE_COLUMNS = ("symbol", "session_date", "oracle_score")


@dataclass(frozen=True)
class FolderMarket:
    """A market folder made elsewhere, its oracle file, and the hash of both."""

    data: str
    oracle: str
    fingerprint: str


def run_task(
    task: MarketTask, config: PipelineConfig, folder: FolderMarket | None
) -> dict[str, Any]:
    """Return the figures of one market; one thread."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1), tempfile.TemporaryDirectory(prefix="truth-") as made:
        if folder is not None:
            market = delivered(
                MarketFolder.open(Path(folder.data)), read_oracle(Path(folder.oracle))
            )
        else:
            simulated = simulate_market(simulation_of(task, config.source.simulation))
            # Through files, so that a made market is read like any other.
            write_market_folder(Path(made) / "market", market_tables(simulated), simulated.toml)
            truth = simulated.oracle if task.signal != "none" else None
            market = delivered(MarketFolder.open(Path(made) / "market"), truth)
        registry = feature_registry(config.features, load_feature_module(config.features.module))
        if task.kind == "control":
            return control_auc(market, config, registry)
        return judge_market(market, config, registry, time.perf_counter)


def delivered(folder: MarketFolder, oracle: pd.DataFrame | None) -> DeliveredMarket:
    """Read what training needs of a market folder."""
    actions, vix = folder.read_corporate_actions(), folder.read_vix()
    sectors, macro = folder.read_sectors(), folder.read_macro()
    raw = {kind: folder.read_events(kind) for kind in CLEANERS}
    events = {kind: CLEANERS[kind](rows)[0] for kind, rows in raw.items() if rows is not None}
    if macro is not None:
        events["macro"] = clean_macro(macro)[0]
    return DeliveredMarket(
        raw=folder.read_daily((), None, None),
        actions=None if actions is None else clean_actions(actions)[0],
        vix=_empty_vix() if vix is None else clean_vix(vix)[0],
        sectors=pd.DataFrame({"symbol": [], "gics_sector": []}) if sectors is None else sectors,
        kinds=folder.kinds(),
        listed=folder.read_universe(),
        index_symbol=folder.index_symbol,
        events=events,
        oracle=oracle,
    )


def read_oracle(path: Path) -> pd.DataFrame:
    """Read symbol, session_date, oracle_score from Parquet or CSV. Raises InputError."""
    wanted = ", ".join(ORACLE_COLUMNS)
    try:
        table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(
            f"oracle file {path} cannot be read ({error}); give Parquet or CSV with {wanted}"
        ) from None
    lacking = [name for name in ORACLE_COLUMNS if name not in table.columns]
    if lacking:
        raise InputError(f"oracle file {path} lacks {', '.join(lacking)}; it needs {wanted}")
    kept = table[list(ORACLE_COLUMNS)]
    try:
        dates = pd.to_datetime(kept["session_date"]).dt.tz_localize(None).dt.as_unit("ns")
        scores = pd.to_numeric(kept["oracle_score"]).astype("float64")
    except (TypeError, ValueError) as error:
        raise InputError(f"oracle file {path}: {error}; give dates and numbers") from None
    made = pd.DataFrame(
        {"symbol": kept["symbol"].astype(object), "session_date": dates, "oracle_score": scores}
    )
    if made.duplicated(["symbol", "session_date"]).any():
        raise InputError(f"oracle file {path} names a symbol's session twice; give one score each")
    return made


def _empty_vix() -> pd.DataFrame:
    numbers = {name: pd.Series(dtype=float) for name in ("open", "high", "low", "close")}
    return pd.DataFrame(
        {
            "session_date": pd.Series(dtype="datetime64[ns]"),
            **numbers,
            "known_at": pd.Series(dtype="datetime64[ns, UTC]"),
        }
    )
