"""Alerts: what the scanner says of a fall, with its rank, its stop and target, and its size."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.selloffs_config import TradeRuleConfig

ALERT: Final = "alert"
WITHHELD: Final = "withheld"
SPOKEN: Final = ("probability", "expected_r", "risk_tier", "reasons_json")
# What a fall is known by; the rest of its columns are what a model is asked with.
IDENTITY: Final = (
    "symbol",
    "session_date",
    "rung",
    "detected_at",
    "session",
    "session_open",
    "low",
    "close",
    "volume",
    "is_first",
    "quality",
    "n_missing_minutes",
)
# What `build_alerts` makes; the two columns that need a clock come as it is written.
COLUMNS: Final = (
    "alert_id",
    "scan_id",
    "mode",
    "symbol",
    "session_date",
    "rung",
    "detected_at",
    "session_open",
    "low",
    "close",
    "drop_frac",
    "status",
    "reason",
    "probability",
    "expected_r",
    "risk_tier",
    "rank",
    "stop_price",
    "target_price",
    "shares",
    "reasons_json",
    "features_json",
    "model_version",
)


class Speaker(Protocol):
    """A model of falls in service."""

    @property
    def version(self) -> str | None:
        """Its version; None where no model is in service."""

    def speak(self, features: pd.DataFrame) -> pd.DataFrame:
        """Return probability, expected_r, risk_tier and reasons_json, one row for each given."""


class NoModel:
    """Stands where no model is in service: it says nothing, and nothing is risked on it."""

    version: str | None = None

    def speak(self, features: pd.DataFrame) -> pd.DataFrame:
        """Return missing values, tier 0 and no reasons."""
        return pd.DataFrame(
            {
                "probability": np.full(len(features), np.nan),
                "expected_r": np.full(len(features), np.nan),
                "risk_tier": np.zeros(len(features)),
                "reasons_json": np.full(len(features), "[]", dtype=object),
            }
        )


def alert_id(mode: str, symbol: str, session_date: pd.Timestamp, rung: float) -> str:
    """Return the one id that a fall has in a mode."""
    text = f"{mode}|{symbol}|{session_date:%Y-%m-%d}|{rung:.6f}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def build_alerts(
    falls: pd.DataFrame,
    spoken: pd.DataFrame,
    reasons: Sequence[str],
    *,
    mode: str,
    scan: str,
    model_version: str | None,
    rule: TradeRuleConfig,
    told: Mapping[pd.Timestamp, int] | None = None,
) -> pd.DataFrame:
    """Return one row of selloffs.alerts for each fall, in order of decision and rank.

    Args:
        falls: Events joined with their features, in any order.
        spoken: What the model said of them, in the same order.
        reasons: Why each is withheld, in the same order; empty for an alert.
        mode: live or replay.
        scan: Row of scans.history.
        model_version: Model that spoke.
        rule: How a fall is traded: stop, target and size follow from it.
        told: How many rows of a minute are there already, by `detected_at`; ranks go on after
            them.

    `alerted_at` and `latency_ms` are left to who writes.
    """
    falls = falls.reset_index(drop=True)
    said = spoken.reset_index(drop=True)
    close, low = falls["close"].to_numpy("float64"), falls["low"].to_numpy("float64")
    opened, rung = falls["session_open"].to_numpy("float64"), falls["rung"].to_numpy("float64")
    below_low, below_close = 1 - rule.stop_below_low_frac, 1 - rule.stop_rung_share * rung
    stop = np.minimum(low * below_low, close * below_close)
    target = low + rule.target_share * (opened - low)
    table = pd.DataFrame(
        {
            "alert_id": [
                alert_id(mode, str(symbol), pd.Timestamp(day), float(depth))
                for symbol, day, depth in zip(
                    falls["symbol"], falls["session_date"], rung, strict=True
                )
            ],
            "scan_id": scan,
            "mode": mode,
            **{name: falls[name] for name in COLUMNS[3:11]},
            "status": [WITHHELD if reason else ALERT for reason in reasons],
            "reason": list(reasons),
            **{name: said[name] for name in SPOKEN[:3]},
            "rank": 0,
            "stop_price": stop,
            "target_price": target,
            "shares": _shares(falls, said, reasons, stop, target, rule),
            "reasons_json": said["reasons_json"],
            "features_json": _features_json(falls),
            "model_version": model_version,
        }
    )
    table["is_withheld"] = table["status"] == WITHHELD
    table["worst"] = -table["expected_r"].astype("float64")
    order = ["detected_at", "is_withheld", "worst", "drop_frac", "symbol", "rung"]
    table = table.sort_values(order, ignore_index=True, na_position="last", kind="stable")
    before = table["detected_at"].map(dict(told or {})).fillna(0).astype("int64")
    table["rank"] = before + table.groupby("detected_at").cumcount() + 1
    return table[list(COLUMNS)]


def _shares(
    falls: pd.DataFrame,
    said: pd.DataFrame,
    reasons: Sequence[str],
    stop: NDArray[np.float64],
    target: NDArray[np.float64],
    rule: TradeRuleConfig,
) -> NDArray[np.float64]:
    """Return whole shares of the tier's risk at the close; 0 where the rule allows no trade."""
    close = falls["close"].to_numpy("float64")
    risked = said["risk_tier"].to_numpy("float64") * rule.risk_frac * rule.capital_usd
    wanted = np.minimum(risked / (close - stop), rule.max_position_frac * rule.capital_usd / close)
    left = falls["minutes_to_close"].to_numpy("float64") - rule.verdict_delay_minutes
    allowed = (
        falls["is_first"].to_numpy("bool")
        & (close < target)
        & (left >= rule.last_entry_minutes)
        & (np.array(reasons, dtype=object) == "")
    )
    return np.where(allowed, np.floor(wanted), 0.0)


def _features_json(falls: pd.DataFrame) -> list[str]:
    names = sorted(name for name in falls.columns if name not in IDENTITY)
    rows = zip(*(falls[name].tolist() for name in names), strict=True)
    return [
        json.dumps({name: _plain(value) for name, value in zip(names, row, strict=True)})
        for row in rows
    ]


def _plain(value: object) -> object:
    """Return a value as JSON holds it; missing is null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)
