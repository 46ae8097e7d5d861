"""Numba kernels of the trade of a fall: stop, target, shares, fills, costs.

All kernels of the trade stand in one module, because a cached kernel is not compiled again when one
that it calls changes elsewhere.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from trading_pipeline.domain.bars.spreads import SMALL_BELOW_USD, SMALL_TICK_USD, TICK_USD
from trading_pipeline.domain.selloffs.kernels import CLOSE, HIGH, LOW, OPEN, VOLUME

Values = NDArray[np.float64]
Whole = NDArray[np.int64]

# How an attempt to trade ended.
CLOSED, NO_BAR, TOO_LATE, ABOVE_TARGET, NO_VOLUME, TOO_SMALL = range(6)
AT_TARGET, AT_STOP, AT_CLOSE = range(3)
# Numbers of a trade.
(
    ENTRY_MINUTE, ENTRY, STOP, TARGET, EXIT_MINUTE, EXIT, EXIT_REASON, REVERSED, RECOVERY, PEAK,
    PEAK_MINUTE, SHARES, GROSS_R, COST_R, MFE_R, MAE_R, KNOWN_MINUTE, N_TRADE,
) = range(18)  # fmt: skip
# Numbers of the trade rule.
(
    BELOW_LOW, RUNG_SHARE, TARGET_SHARE, LAST_ENTRY, RISK_USD, POSITION_USD, PER_SHARE, MINIMUM,
    SLIPPAGE, IMPACT, VOLUME_FRAC, N_RULE,
) = range(12)  # fmt: skip

_kernel = njit(cache=True, nogil=True, error_model="numpy")


@_kernel
def stop_price(low: float, entry: float, rung: float, below_low: float, share: float) -> float:
    """Return the lower of the low less a margin and the entry less a share of the rung."""
    return min(low * (1.0 - below_low), entry * (1.0 - share * rung))


@_kernel
def target_price(low: float, session_open: float, share: float) -> float:
    """Return the low plus a share of the fall from the session's open."""
    return low + share * (session_open - low)


@_kernel
def share_count(entry: float, stop: float, volume: float, rule: Values) -> float:
    """Return whole shares of one risk unit, within the capital and the bar's volume.

    A volume that is not known (NaN) does not bind.
    """
    shares = min(rule[RISK_USD] / (entry - stop), rule[POSITION_USD] / entry)
    if volume >= 0.0:
        shares = min(shares, rule[VOLUME_FRAC] * volume)
    return float(np.floor(shares))


@_kernel
def _side_cost(shares: float, price: float, volume: float, half_bps: float, rule: Values) -> float:
    """Return [USD] half-spread and slippage of a fill; unknown volume is the largest share."""
    part = rule[VOLUME_FRAC]
    if volume > 0.0:
        part = min(shares / volume, part)
    bps = half_bps + rule[SLIPPAGE] + rule[IMPACT] * np.sqrt(part)
    return float(shares * price * bps / 1e4)


@_kernel
def half_spread(quoted: float, level: float, shape: float, price: float) -> float:
    """Return [bps] the quote's half-spread, else the level by time of day, else half a tick.

    What is not quoted is never below half a tick: a cent, under a dollar a hundredth of one.
    """
    if quoted >= 0.0:
        return quoted
    tick = (TICK_USD if price >= SMALL_BELOW_USD else SMALL_TICK_USD) / 2.0 / price * 1e4
    return max(level * shape, tick) if level >= 0.0 else tick


@_kernel
def _sell(
    minute: Whole,
    prices: Values,
    half: Values,
    level: float,
    shape: Values,
    at: int,
    end: int,
    price: float,
    shares: float,
    rule: Values,
) -> tuple[float, float, int]:
    """Return (mean price, cost, last row) of a sale that starts in row `at` at `price`.

    No fill exceeds its share of the bar's volume: the rest goes at the opens of the next bars, and
    what is left after the last one into the closing auction, whose volume no bar holds.
    """
    left, cash, cost = shares, 0.0, 0.0
    i = at
    while True:
        volume = prices[VOLUME, i]
        filled = min(left, np.floor(rule[VOLUME_FRAC] * volume)) if volume >= 0.0 else left
        cash += filled * price
        bps = half_spread(half[i], level, shape[minute[i]], price)
        cost += _side_cost(filled, price, volume, bps, rule)
        left -= filled
        if left <= 0.0 or i == end - 1:
            break
        i += 1
        price = prices[OPEN, i]
    if left > 0.0:
        price = prices[CLOSE, i]
        cash += left * price
        bps = half_spread(half[i], level, shape[minute[i]], price)
        cost += _side_cost(left, price, np.nan, bps, rule)
    return cash / shares, cost + max(rule[MINIMUM], rule[PER_SHARE] * shares), i


@_kernel
def trade(
    minute: Whole,
    prices: Values,
    half: Values,
    begin: int,
    end: int,
    n_minutes: int,
    since: int,
    low: float,
    session_open: float,
    rung: float,
    level: float,
    shape: Values,
    rule: Values,
    out: Values,
) -> int:
    """Write one trade of a fall into `out`; return how the attempt ended.

    Rows begin..end are the symbol's bars of a whole session, in order. The entry bar is the first
    that opens `since` minutes after the session's open or later. `half` is the half-spread
    of each bar's quote in bps, NaN without one; `level` and `shape` stand for it then.
    """
    at = begin
    while at < end and minute[at] < since:
        at += 1
    if at == end:
        return NO_BAR
    if minute[at] > n_minutes - rule[LAST_ENTRY]:
        return TOO_LATE
    entry = prices[OPEN, at]
    target = target_price(low, session_open, rule[TARGET_SHARE])
    if entry >= target:
        return ABOVE_TARGET
    stop = stop_price(low, entry, rung, rule[BELOW_LOW], rule[RUNG_SHARE])
    if share_count(entry, stop, np.nan, rule) < 1.0:
        return TOO_SMALL
    shares = share_count(entry, stop, prices[VOLUME, at], rule)
    if shares < 1.0:
        return NO_VOLUME
    risk = entry - stop
    price, reason, exit_at = prices[CLOSE, end - 1], AT_CLOSE, end - 1
    peak, peak_at, best, worst = entry, at, 0.0, 0.0
    is_out, stopped_at = False, -1
    for i in range(at, end):
        if prices[LOW, i] <= stop:
            stopped_at = i
            if not is_out:
                price, reason, exit_at = min(prices[OPEN, i], stop), AT_STOP, i
                worst = min(worst, price - entry)
            break
        if prices[HIGH, i] > peak:
            peak, peak_at = prices[HIGH, i], i
        if is_out:
            continue
        worst = min(worst, prices[LOW, i] - entry)
        if prices[HIGH, i] >= target:
            is_out = True
            price, reason, exit_at = max(prices[OPEN, i], target), AT_TARGET, i
            best = max(best, price - entry)
        else:
            best = max(best, prices[HIGH, i] - entry)
    recovery = (peak - low) / (session_open - low)
    # Rounding must not part the two words for one fact.
    if is_out:
        recovery = max(recovery, rule[TARGET_SHARE])
    elif recovery >= rule[TARGET_SHARE]:
        recovery = np.nextafter(rule[TARGET_SHARE], 0.0)
    sold, cost, last = _sell(minute, prices, half, level, shape, exit_at, end, price, shares, rule)
    cost += max(rule[MINIMUM], rule[PER_SHARE] * shares)
    bps = half_spread(half[at], level, shape[minute[at]], entry)
    cost += _side_cost(shares, entry, prices[VOLUME, at], bps, rule)
    out[ENTRY_MINUTE], out[ENTRY], out[STOP], out[TARGET] = minute[at], entry, stop, target
    out[EXIT_MINUTE], out[EXIT], out[EXIT_REASON] = minute[last] + 1, sold, reason
    out[REVERSED], out[RECOVERY], out[PEAK] = 1.0 if is_out else 0.0, recovery, peak
    out[PEAK_MINUTE], out[SHARES] = minute[peak_at], shares
    out[GROSS_R], out[COST_R] = (sold - entry) / risk, cost / (shares * risk)
    out[MFE_R], out[MAE_R] = best / risk, worst / risk
    out[KNOWN_MINUTE] = max(minute[last], minute[stopped_at if stopped_at >= 0 else end - 1]) + 1
    return CLOSED


@_kernel
def trade_all(
    minute: Whole,
    prices: Values,
    half: Values,
    begins: Whole,
    ends: Whole,
    n_minutes: Whole,
    since: Whole,
    falls: Values,
    levels: Values,
    shape: Values,
    rule: Values,
    out: Values,
    status: Whole,
) -> None:
    """Trade every fall (rows of low, session open, rung) on the rows begins..ends."""
    for i in range(begins.size):
        status[i] = trade(
            minute, prices, half, begins[i], ends[i], n_minutes[i], since[i],
            falls[i, 0], falls[i, 1], falls[i, 2], levels[i], shape, rule, out[i],
        )  # fmt: skip


@_kernel
def add_distances(closes: Values, falls: Values, rule: Values, out: Values) -> None:
    """Write stop distance, target distance and their ratio, were the close the entry.

    Rows of `falls` are low, session open, rung; the three columns of `out` are fractions of the
    close, and 1.
    """
    for i in range(closes.size):
        close, low = closes[i], falls[i, 0]
        stop = stop_price(low, close, falls[i, 2], rule[BELOW_LOW], rule[RUNG_SHARE])
        target = target_price(low, falls[i, 1], rule[TARGET_SHARE])
        out[i, 0] = (close - stop) / close
        out[i, 1] = (target - close) / close
        out[i, 2] = out[i, 1] / out[i, 0]
