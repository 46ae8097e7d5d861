"""The regime of each session: price crash before recovery before VIX band, with its reason."""

from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.contracts.data_config import RegimesConfig
from trading_pipeline.contracts.vocabulary import UNKNOWN_REGIME
from trading_pipeline.domain.bars.sessions import DECISION_TIME, at_new_york
from trading_pipeline.domain.regimes.bands import (
    BANDS,
    NO_BAND,
    held_bands,
    raw_bands,
    volatility_index,
)
from trading_pipeline.domain.regimes.episodes import drawdowns, find_recoveries, price_crashes


def label_regimes(
    index_bars: pd.DataFrame, vix: pd.DataFrame | None, config: RegimesConfig
) -> pd.DataFrame:
    """Return the columns of `regimes.market`, one row per session of `index_bars`.

    Cutting the input after any session never changes an earlier row.

    Args:
        index_bars: session_date, session, close (comparable across sessions; NaN where the index
            has no bar, which leaves the VIX band alone to decide) and known_at (NaT there).
        vix: session_date, close in VIX points; None or empty where there is no VIX, then the
            realised proxy stands for it.
        config: Settings of the stage.

    Returns:
        One row per session, oldest first. `regime` is `unknown` where the VIX is missing and no
        price rule speaks. `known_at` is 18:00 New York, or the index bar's own where later.

    Raises:
        ValueError: If a session has two index bars or two VIX values.
    """
    rows = index_bars.sort_values("session", ignore_index=True)
    if rows["session"].duplicated().any():
        raise ValueError("a session has two index bars; give one broad index")
    close = rows["close"].astype("float64")
    volatility = volatility_index(close, aligned_vix(rows["session_date"], vix), config)
    raw = raw_bands(volatility["vix_close"], config)
    held = held_bands(raw, config)
    drawdown = drawdowns(close, config)
    is_price_crash = price_crashes(drawdown, config)
    recoveries = find_recoveries(
        np.asarray(close, dtype=np.float64), is_price_crash, held == BANDS.index("crash"), config
    )
    by_band = np.array([*BANDS, UNKNOWN_REGIME], dtype=object)[held]
    by_price = np.where(recoveries.n_sessions > 0, "recovery", by_band)
    regime = np.where(is_price_crash, "crash", by_price).astype(object)
    facts = pd.DataFrame(
        {
            "is_price_crash": is_price_crash,
            "drawdown": drawdown,
            "recovered": recoveries.n_sessions,
            "rise": recoveries.rise_frac,
            "raw": raw,
            "held": held,
            "vix": volatility["vix_close"],
            "source": volatility["vix_source"],
            "is_carried": volatility["is_carried"],
        }
    )
    decided_at = pd.Series(at_new_york(rows["session_date"], DECISION_TIME))
    bar_known_at = pd.to_datetime(rows["known_at"], utc=True)
    return pd.DataFrame(
        {
            "session_date": rows["session_date"].astype("datetime64[ns]"),
            "session": rows["session"].astype("int64"),
            "regime": regime,
            "reason": [reason(fact, config) for fact in facts.itertuples(index=False)],
            "index_close": close,
            "vix_close": volatility["vix_close"],
            "vix_source": volatility["vix_source"],
            "drawdown_frac": drawdown,
            "is_price_crash": is_price_crash,
            "known_at": decided_at.where(~(bar_known_at > decided_at), bar_known_at),
        }
    )


def aligned_vix(session_dates: pd.Series, vix: pd.DataFrame | None) -> pd.Series:
    """Return the VIX close of each session, NaN where there is none."""
    if vix is None or vix.empty:
        return pd.Series(np.nan, index=session_dates.index)
    dates = pd.DatetimeIndex(vix["session_date"]).astype("datetime64[ns]")
    if dates.has_duplicates:
        raise ValueError("a session has two VIX values; give one per session")
    by_date = pd.Series(vix["close"].to_numpy(dtype="float64"), index=dates)
    wanted = pd.DatetimeIndex(session_dates).astype("datetime64[ns]")
    return pd.Series(by_date.reindex(wanted).to_numpy(), index=session_dates.index)


def reason(fact: Any, config: RegimesConfig) -> str:
    """Return the rule that decided a session, in words with its numbers."""
    if fact.is_price_crash:
        return (
            f"price crash: close {-fact.drawdown:.1%} below the highest of "
            f"{config.crash_window_sessions} sessions"
        )
    if fact.recovered:
        return (
            f"recovery: close {fact.rise:.1%} above the low of the crash, "
            f"session {fact.recovered} of at most {config.recovery_max_sessions}"
        )
    if fact.held == NO_BAND:
        return f"VIX missing and not carried beyond {config.vix_missing_max_sessions} sessions"
    name = "VIX" if fact.source == "vix" else "VIX proxy from realised volatility"
    carried = ", carried from an earlier session" if fact.is_carried else ""
    said = f"{name} {fact.vix:.2f}{carried}"
    if fact.held > fact.raw:
        return f"{said}: {BANDS[fact.held]} held until {config.down_sessions} sessions lie below"
    return f"{said}: band {BANDS[fact.held]}"
