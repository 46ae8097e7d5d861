"""What followed each fall under the trade rule, gross and net of costs.

Enter at the open of the first regular bar that opens at detection plus the delay or later, not
within the session's last `last_entry_minutes` (half-days are short sessions). Stop and target are
fixed at the entry. A bar that touches both is a stop; a gap through the stop, or over the target,
fills at that bar's open; else out at the last regular close. After a halt the entry is the first
bar that trades again. A session is complete when the symbol's last regular minute is there, or a
later session of the data is; until then everything in it is pending. Only falls of clean quality
are traded: `no_volume` where the entry bar's volume leaves no whole share, `too_small` where the
capital's does not.

Costs of both sides: commission per share with a minimum; half-spread of the minute's quote, else
what was known of it before the session (earlier quotes or the model of `bars.spreads`) by time of
the session, else half a tick; slippage that grows with the root of the fill's share of the bar's
volume. No fill exceeds its share of a bar's volume.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.selloffs_config import TradeRuleConfig
from trading_pipeline.domain.bars.sessions import session_ordinals, session_table
from trading_pipeline.domain.selloffs import trade_kernels as k
from trading_pipeline.domain.selloffs.kernels import N_PRICES
from trading_pipeline.domain.selloffs.session_scan import (
    DAY_MINUTES,
    MINUTE_NS,
    opening_minutes,
)
from trading_pipeline.domain.selloffs.trade_rule import rule_numbers

OUTCOME_COLUMNS = (
    "symbol", "session_date", "rung", "detected_at", "entry_delay_minutes", "status", "reason",
    "entry_at", "entry_price", "stop_price", "target_price", "exit_at", "exit_price",
    "exit_reason", "reversed", "recovery_frac", "peak_price", "minutes_to_peak", "hold_minutes",
    "hold_bucket", "shares", "gross_r", "cost_r", "r_multiple", "mfe_r", "mae_r", "known_at",
)  # fmt: skip
_REASONS = np.array(
    ["", "no_bar", "too_late", "above_target", "no_volume", "too_small"], dtype=object
)
_EXITS = np.array(["target", "stop", "close"], dtype=object)
_PRICES = {
    "entry_price": k.ENTRY,
    "stop_price": k.STOP,
    "target_price": k.TARGET,
    "exit_price": k.EXIT,
    "recovery_frac": k.RECOVERY,
    "peak_price": k.PEAK,
    "shares": k.SHARES,
    "gross_r": k.GROSS_R,
    "cost_r": k.COST_R,
    "mfe_r": k.MFE_R,
    "mae_r": k.MAE_R,
}


def trade_outcomes(
    events: pd.DataFrame,
    minutes: pd.DataFrame,
    symbols: NDArray[np.object_],
    shape: NDArray[np.float64],
    newest_session: int,
    config: TradeRuleConfig,
) -> pd.DataFrame:
    """Return OUTCOME_COLUMNS: one row per event and entry delay, by detection, symbol, rung, delay.

    Args:
        events: symbol, session_date, rung, detected_at, session_open, low, quality,
            spread_level_bps (of `selloffs.features`: known before the session; NaN: unknown).
        minutes: All regular minutes of the events' symbols and sessions, in any order: code (place
            in `symbols`), opens_minute (minutes since 1970, UTC), open, high, low, close, volume,
            half_spread_bps (quote of the minute; NaN: none).
        symbols: Sorted symbols.
        shape: By minute of the session, its half-spread over the mean of a session.
        newest_session: Ordinal of the newest session with a regular minute of any symbol.
        config: Trade rule.
    """
    delays = np.array(sorted(set(config.delays_minutes)), dtype="int64")
    ordered = events.sort_values(["detected_at", "symbol", "rung"], ignore_index=True)
    rows = ordered.loc[ordered.index.repeat(len(delays))].reset_index(drop=True)
    delay = np.tile(delays, len(ordered))
    session = session_ordinals(pd.DatetimeIndex(rows["session_date"]))
    table = session_table()
    opens = opening_minutes(session) * MINUTE_NS
    lengths = (table["closes_at"] - table["opens_at"]).to_numpy("m8[m]").astype("int64")[session]
    bars = _SortedBars.of(minutes, symbols)
    begins, ends = bars.spans(rows["symbol"], session)
    detected = rows["detected_at"].astype("int64").to_numpy()
    # One more element, so that a symbol without bars has a last minute that is none.
    last = np.append(bars.minute, -1)[np.where(ends > begins, ends - 1, -1)]
    is_complete = (last == lengths - 1) | (session < newest_session)
    is_clean = rows["quality"].eq("clean").to_numpy(bool)
    is_tried = is_complete & is_clean
    since = (detected - opens) // MINUTE_NS
    out = np.full((len(rows), k.N_TRADE), np.nan)
    ended = np.zeros(len(rows), dtype="int64")
    numbers, codes = out[is_tried], ended[is_tried]
    k.trade_all(
        bars.minute,
        bars.prices,
        bars.half,
        begins[is_tried],
        ends[is_tried],
        lengths[is_tried],
        (since + delay)[is_tried],
        rows.loc[is_tried, ["low", "session_open", "rung"]].to_numpy("float64"),
        rows.loc[is_tried, "spread_level_bps"].to_numpy("float64"),
        shape,
        rule_numbers(config),
        numbers,
        codes,
    )
    out[is_tried], ended[is_tried] = numbers, codes
    return _frame(rows, delay, out, ended, is_complete, is_clean, opens, config)


@dataclass(frozen=True)
class _SortedBars:
    """Bars by session, symbol and minute, with the half-spread of each."""

    key: NDArray[np.int64]
    minute: NDArray[np.int64]
    prices: NDArray[np.float64]
    half: NDArray[np.float64]
    symbols: NDArray[np.object_]

    @classmethod
    def of(cls, minutes: pd.DataFrame, symbols: NDArray[np.object_]) -> "_SortedBars":
        code = minutes["code"].to_numpy("int64")
        opens = minutes["opens_minute"].to_numpy("int64")
        day = (opens // DAY_MINUTES).astype("M8[D]").astype("M8[ns]")
        session = session_ordinals(pd.DatetimeIndex(day))
        minute = opens - opening_minutes(session)
        key = session * len(symbols) + code
        order = np.lexsort((minute, key))
        prices = np.empty((N_PRICES, len(order)))
        for place, name in enumerate(("open", "high", "low", "close", "volume")):
            prices[place] = minutes[name].to_numpy("float64")[order]
        half = minutes["half_spread_bps"].to_numpy("float64")[order]
        return cls(key[order], minute[order], prices, half, symbols)

    def spans(
        self, symbol: pd.Series, session: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the bars of each symbol and session begin and end."""
        code = pd.Index(self.symbols).get_indexer(pd.Index(symbol))
        key = session * len(self.symbols) + code
        return np.searchsorted(self.key, key), np.searchsorted(self.key, key, side="right")


def _frame(
    rows: pd.DataFrame,
    delay: NDArray[np.int64],
    out: NDArray[np.float64],
    ended: NDArray[np.int64],
    is_complete: NDArray[np.bool_],
    is_clean: NDArray[np.bool_],
    opens: NDArray[np.int64],
    config: TradeRuleConfig,
) -> pd.DataFrame:
    is_closed = is_complete & is_clean & (ended == k.CLOSED)
    status = np.select([~is_complete, is_closed], ["pending", "closed"], "no_trade")
    reason = np.where(is_clean, _REASONS[ended], rows["quality"].to_numpy(object))
    reason = np.where(is_complete, reason, "session_not_complete")
    hold = out[:, k.EXIT_MINUTE] - out[:, k.ENTRY_MINUTE]
    flags = np.full(len(rows), None, dtype=object)
    flags[is_closed] = out[is_closed, k.REVERSED] > 0
    exits = np.full(len(rows), None, dtype=object)
    exits[is_closed] = _EXITS[out[is_closed, k.EXIT_REASON].astype("int64")]
    columns = {
        **{name: rows[name] for name in ("symbol", "session_date", "rung", "detected_at")},
        "entry_delay_minutes": delay,
        "status": status.astype(object),
        "reason": reason.astype(object),
        "entry_at": _instants(opens, out[:, k.ENTRY_MINUTE]),
        "exit_at": _instants(opens, out[:, k.EXIT_MINUTE]),
        "exit_reason": exits,
        "reversed": flags,
        "minutes_to_peak": out[:, k.PEAK_MINUTE] - out[:, k.ENTRY_MINUTE],
        "hold_minutes": hold,
        "hold_bucket": hold_bucket(hold, config),
        "r_multiple": out[:, k.GROSS_R] - out[:, k.COST_R],
        "known_at": _instants(opens, out[:, k.KNOWN_MINUTE]),
        **{name: out[:, place] for name, place in _PRICES.items()},
    }
    return pd.DataFrame({name: columns[name] for name in OUTCOME_COLUMNS})


def hold_bucket(minutes: NDArray[np.float64], config: TradeRuleConfig) -> NDArray[np.object_]:
    """Return the bucket of each holding time, such as `16-30 min`; None where it is missing."""
    edges = sorted(set(config.hold_bucket_minutes))
    lows = [0, *(edge + 1 for edge in edges)]
    names = [f"{low}-{high} min" for low, high in zip(lows, edges, strict=False)]
    words = np.array([*names, f"over {edges[-1]} min"], dtype=object)
    place = np.searchsorted(np.array(edges, dtype="float64"), np.nan_to_num(minutes))
    out: NDArray[np.object_] = words[place]
    out[np.isnan(minutes)] = None
    return out


def _instants(opens: NDArray[np.int64], minute: NDArray[np.float64]) -> pd.DatetimeIndex:
    """Return the UTC instants of minutes of the session; NaT where there is none."""
    known = ~np.isnan(minute)
    nanos = np.full(len(minute), pd.NaT.value, dtype="int64")
    nanos[known] = opens[known] + minute[known].astype("int64") * MINUTE_NS
    return pd.DatetimeIndex(nanos.view("M8[ns]"), tz="UTC")
