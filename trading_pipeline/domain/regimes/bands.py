"""VIX bands: what stands for the VIX on each session, and which band it puts the market in."""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.data_config import RegimesConfig

# From calm to stormy: the larger number is the higher band.
BANDS: Final = ("low_volatility", "normal", "high_volatility", "crash")
NO_BAND: Final = -1
SESSIONS_PER_YEAR: Final = 252


def volatility_index(
    index_close: pd.Series, vix_close: pd.Series, config: RegimesConfig
) -> pd.DataFrame:
    """Return the VIX of each session, or what stands for it.

    Sessions before the first VIX value take the proxy, intercept + slope x realised volatility of
    the index in percent a year; its constants are settings, never fitted. Later holes carry the
    last value for `vix_missing_max_sessions` sessions.

    Args:
        index_close: Closes of the broad index, one per session, oldest first; NaN where missing.
        vix_close: [VIX points] aligned with `index_close`; NaN where missing.
        config: Settings of the stage.

    Returns:
        vix_close (NaN where nothing is at hand), vix_source (vix, realised_proxy, missing) and
        is_carried, on the index of `index_close`.
    """
    squared = np.log(index_close).diff() ** 2
    variance = squared.rolling(config.proxy_window_sessions).mean() * SESSIONS_PER_YEAR
    # A rolling sum can end a hair below zero on a flat market.
    proxy = config.proxy_intercept + config.proxy_slope * 100 * np.sqrt(variance.clip(lower=0))
    is_before_vix = vix_close.notna().cumsum() == 0
    given = vix_close.where(~is_before_vix, proxy)
    filled = given.ffill(limit=config.vix_missing_max_sessions)
    source = np.where(is_before_vix, "realised_proxy", "vix").astype(object)
    source[filled.isna()] = "missing"
    return pd.DataFrame(
        {
            "vix_close": filled,
            "vix_source": source,
            "is_carried": given.isna() & filled.notna(),
        }
    )


def raw_bands(vix_close: pd.Series, config: RegimesConfig) -> NDArray[np.int64]:
    """Return the band of each VIX value by itself, as a position in BANDS, or NO_BAND."""
    vix = vix_close.to_numpy(dtype="float64")
    bands = np.select(
        [vix < config.low_below, vix < config.high_from, vix <= config.crash_above],
        [0, 1, 2],
        default=3,
    )
    return np.where(np.isnan(vix), NO_BAND, bands).astype("int64")


def held_bands(raw: NDArray[np.int64], config: RegimesConfig) -> NDArray[np.int64]:
    """Return the bands with hysteresis: up at once, down after `down_sessions` below.

    A move down goes to the highest band among the sessions below. Both together are the highest
    raw band of the last `down_sessions` sessions. NO_BAND stays NO_BAND and is never held.
    """
    known = pd.Series(raw, dtype="float64").where(raw != NO_BAND)
    held = known.rolling(config.down_sessions, min_periods=1).max()
    return np.where(raw == NO_BAND, NO_BAND, held.fillna(NO_BAND)).astype("int64")
