"""Volatilities of a simulated market: the factor with leverage, the symbols, and the VIX.

Variances follow GJR-GARCH (Glosten, Jagannathan, Runkle 1993) for the market and GARCH(1,1)
(Bollerslev 1986) for the symbols, around a level that a slow cycle and crises move.
"""

from dataclasses import dataclass

import numpy as np

from trading_pipeline.contracts.data_config import SimulationConfig
from trading_pipeline.domain.simulation.schedule import (
    BURN_IN,
    Floats,
    crisis_paths,
    random_stream,
)

MARKET_DAILY_VOLATILITY = 0.009
BASE_DRIFT = 0.0002  # a session, common to all symbols
TRADING_DAYS = 252
OVERNIGHT_SHARE = 0.3  # of the variance between two closes
DEGREES_OF_FREEDOM = 6
MARKET_GARCH = (0.02, 0.10, 0.90)  # shock, extra for a fall, persistence
SYMBOL_GARCH = (0.06, 0.92)
# Leverage skews the factor's month to the left, so its median lies above its mean and a high beta
# would beat the median more often than not. This much of its volatility a day takes that back.
MEDIAN_TILT = 0.013
VIX_PREMIUM = 1.2  # implied over expected volatility
VIX_FLOOR, VIX_CAP = 9.0, 80.0


@dataclass(frozen=True, slots=True)
class Noise:
    """Log returns without any signal, burn-in included; rows are sessions, columns symbols.

    `overnight` is close to open, `intraday` open to close. `volatility` is each symbol's own
    daily volatility, `surprise` the size of its own shock in units of it, `market_volatility`
    the factor's, `vix` the close of the index in VIX points.
    """

    overnight: Floats
    intraday: Floats
    volatility: Floats
    surprise: Floats
    market_volatility: Floats
    vix: Floats


def heavy_tailed(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Return symmetric Student shocks of unit variance, filled row by row."""
    scale = np.sqrt((DEGREES_OF_FREEDOM - 2) / DEGREES_OF_FREEDOM)
    return np.asarray(rng.standard_t(DEGREES_OF_FREEDOM, shape) * scale)


def autoregression(shocks: Floats, persistence: float) -> Floats:
    """Return a stationary AR(1) of unit variance driven by unit shocks, row by row."""
    path = np.empty_like(shocks)
    state = shocks[0]
    spread = np.sqrt(1 - persistence**2)
    path[0] = state
    for row in range(1, len(shocks)):
        state = persistence * state + spread * shocks[row]
        path[row] = state
    return path


def market_noise(config: SimulationConfig, n_rows: int, n_sectors: int) -> Noise:
    """Return the noise of `n_rows` sessions after the burn-in (whose rows come first).

    Symbol s belongs to sector s modulo `n_sectors`. Sector and own shocks are symmetric and the
    factor's month has a median near zero, so neither beta, sector nor volatility foretells which
    symbol ends above the session's median. A longer market starts with the same rows.
    """
    seed, n, total = config.seed, config.n_symbols, n_rows + BURN_IN
    traits = random_stream(seed, 3)
    betas = traits.permutation(np.linspace(0.5, 1.6, n))
    own_level = traits.uniform(0.011, 0.024, n)
    drift, stress = crisis_paths(config, n_rows)
    drift = np.concatenate([np.zeros(BURN_IN), drift])
    stress = np.concatenate([np.full(BURN_IN, stress[0]), stress])
    stress = (
        stress
        + 0.20 * autoregression(random_stream(seed, 4).standard_normal((total, 1)), 0.985)[:, 0]
    )
    parts = np.sqrt([OVERNIGHT_SHARE, 1 - OVERNIGHT_SHARE])
    market_shock = heavy_tailed(random_stream(seed, 5), (total, 2)) * parts
    sector_shock = heavy_tailed(random_stream(seed, 6), (total, n_sectors, 2)) * parts
    own_shock = heavy_tailed(random_stream(seed, 7), (total, n, 2)) * parts

    market_sum, own_square = market_shock.sum(axis=1), own_shock.sum(axis=2) ** 2
    market_variance, own_variance = np.empty(total + 1), np.empty((total + 1, n))
    market_variance[0], own_variance[0] = 1.0, 1.0
    shock, fall, keep = MARKET_GARCH
    own_gain, own_keep = SYMBOL_GARCH
    for row in range(total):
        push = shock + fall * (market_sum[row] < 0)
        market_variance[row + 1] = (1 - shock - fall / 2 - keep) + market_variance[row] * (
            keep + push * market_sum[row] ** 2
        )
        own_variance[row + 1] = (1 - own_gain - own_keep) + own_variance[row] * (
            own_keep + own_gain * own_square[row]
        )
    level = np.exp(stress)
    market_volatility = MARKET_DAILY_VOLATILITY * level * np.sqrt(market_variance[:-1])
    shared = (market_volatility / MARKET_DAILY_VOLATILITY)[:, None]
    volatility = own_level * np.sqrt(own_variance[:-1]) * shared**0.4
    sector_volatility = 0.004 * shared**0.6
    sectors = np.arange(n) % n_sectors

    def returns(part: int) -> Floats:
        market = (market_volatility * market_shock[:, part])[:, None] * betas
        sector = (sector_volatility * sector_shock[:, :, part])[:, sectors]
        return np.asarray(market + sector + volatility * own_shock[:, :, part])

    # Over the next month about this much of today's excess variance is still there.
    expected = level * np.sqrt(1 + 0.6 * (market_variance[1:] - 1))
    wobble = np.exp(0.04 * random_stream(seed, 8).standard_normal(total))
    yearly = 100 * np.sqrt(TRADING_DAYS) * MARKET_DAILY_VOLATILITY
    vix = VIX_PREMIUM * yearly * expected * wobble
    tilt = MEDIAN_TILT * market_volatility[:, None] * (1 - betas)
    return Noise(
        overnight=returns(0),
        intraday=returns(1) + tilt + (drift + BASE_DRIFT)[:, None],
        volatility=volatility,
        surprise=np.sqrt(own_square),
        market_volatility=market_volatility,
        vix=np.clip(vix, VIX_FLOOR, VIX_CAP),
    )
