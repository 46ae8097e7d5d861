"""The row of scans.history: a scan's settings, its results, and the market it ran in."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal

import pandas as pd

from trading_pipeline.contracts.selloffs_config import ScanConfig, SelloffsConfig
from trading_pipeline.domain.scans.conditions import MarketConditions

Mode = Literal["live", "replay", "historical"]
FILTER: Final = (
    "max_symbols",
    "min_tech_rating",
    "min_dollar_volume",
    "sectors",
    "industries",
    "lookback_days",
)


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a scan found, and how long it took."""

    started_at: pd.Timestamp
    total_seconds: float
    n_symbols: int
    n_events: int
    n_signals: int
    n_withheld: int


def scan_id_of(
    mode: Mode,
    session_date: pd.Timestamp,
    scanned_at: pd.Timestamp,
    scan: ScanConfig,
    selloffs: SelloffsConfig,
    model_version: str | None,
    symbols: Sequence[str] = (),
) -> str:
    """Return the id of a scan: 16 hex digits of what decides its results.

    Of the settings the filter counts and all of [selloffs]; those of polling and of notices do
    not. The model counts too, so that a scan with a new one is another scan, and so do `symbols`
    that were named in place of the filter.
    """
    parts = {
        "mode": mode,
        "session_date": f"{session_date:%Y-%m-%d}",
        "scanned_at": scanned_at.tz_convert("UTC").isoformat(),
        "filter": {name: sorted(v) if isinstance(v, list) else v for name, v in _filter(scan)},
        "selloffs": selloffs.model_dump(mode="json"),
        "model_version": model_version,
        "symbols": sorted(symbols),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def scan_row(
    mode: Mode,
    session_date: pd.Timestamp,
    scanned_at: pd.Timestamp,
    scan: ScanConfig,
    selloffs: SelloffsConfig,
    model_version: str | None,
    result: ScanResult,
    conditions: MarketConditions,
    symbols: Sequence[str] = (),
) -> dict[str, object]:
    """Return one row of scans.history; `conditions` are those of `scanned_at`."""
    settings = dict(_filter(scan))
    of = (mode, session_date, scanned_at, scan, selloffs, model_version, symbols)
    return {
        "scan_id": scan_id_of(*of),
        "mode": mode,
        "scanned_at": scanned_at,
        "session_date": session_date,
        **{name: settings[name] for name in FILTER if name not in ("sectors", "industries")},
        "sectors_json": json.dumps(sorted(scan.sectors)),
        "industries_json": json.dumps(sorted(scan.industries)),
        "model_version": model_version,
        **asdict(result),
        **asdict(conditions),
    }


def _filter(scan: ScanConfig) -> list[tuple[str, object]]:
    dumped = scan.model_dump(mode="json")
    return [(name, dumped[name]) for name in FILTER]
