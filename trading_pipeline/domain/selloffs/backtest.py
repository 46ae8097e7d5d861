"""The scanner without a model against the scanner with it, on the same falls out of sample.

Four scanners are offered the same falls: `take_all` takes each; `model` the third its model
expects most of; `model_tiered` all, sized by the risk tier of their probability; `trivial` as many
of each test block and rung as `model`, by the baseline's probability (ranked with the whole block
in view, which favours the baseline). Intervals resample blocks of sessions, all scanners and
slices of a span on the same resamples.

One symbol is traded once a session, on its first fall, which is of the shallowest rung. So the
slices by rung ask something else: what if that rung alone were traded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.selloffs_config import SelloffsConfig
from trading_pipeline.domain.ensemble.scores import SessionBootstrap, ratio

Floats = NDArray[np.float64]
KEYS = ["symbol", "session_date", "rung"]
TAKE_ALL, TRIVIAL, MODEL, TIERED = "take_all", "trivial", "model", "model_tiered"
SCANNERS = (TAKE_ALL, TRIVIAL, MODEL, TIERED)
OOF, HOLDOUT = "oof", "holdout"
SESSIONS_PER_WEEK = 5
UNKNOWN_SECTOR = "unknown"
FIGURES = (
    "expectancy_r",
    "expectancy_low",
    "expectancy_high",
    "gross_expectancy_r",
    "hit_rate",
    "profit_factor",
    "max_drawdown_r",
    "trades_per_week",
    "difference_r",
    "difference_low",
    "difference_high",
)
BACKTEST_KINDS = (
    dict.fromkeys(("scanner", "span", "slice_kind", "slice"), "object")
    | dict.fromkeys(("n_events", "n_trades"), "int64")
    | dict.fromkeys(FIGURES, "float64")
    | {"is_assessable": "bool"}
)
EQUITY_KINDS = {
    "scanner": "object",
    "span": "object",
    "session_date": "datetime64[ns]",
    "n_trades": "int64",
    "r_net": "float64",
    "equity_r": "float64",
}


def offered_falls(scores: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Return the clean falls, in time order, with the size each scanner would give them.

    Args:
        scores: selloffs.scores.
        events: selloffs.events; only `quality = 'clean'` is traded.

    Returns the rows of `scores` with clean bars, and the columns `span` (oof | holdout), `hour`
    (New York) and one per scanner: risk units, 0 where it passes. Those with `is_first` are
    traded; the deeper ones are told by rung only.
    """
    clean = events.loc[events["quality"] == "clean", KEYS]
    rows = scores.merge(clean, on=KEYS)
    rows = rows.sort_values(["session_date", "symbol", "rung"], ignore_index=True)
    local = rows["detected_at"].dt.tz_convert("America/New_York")
    is_selected = rows["is_selected"].astype(bool)
    groups = [rows["block"], rows["rung"]]
    n_taken = is_selected.groupby(groups).transform("sum")
    place = rows["trivial_probability"].groupby(groups).rank(method="first", ascending=False)
    rows["span"] = np.where(rows["is_holdout"].astype(bool), HOLDOUT, OOF)
    rows["hour"] = local.dt.hour.astype("int64")
    rows[TAKE_ALL] = 1.0
    rows[TRIVIAL] = (place <= n_taken).astype("float64")
    rows[MODEL] = is_selected.astype("float64")
    rows[TIERED] = rows["risk_tier"].astype("float64")
    return rows


@dataclass(frozen=True, slots=True)
class _Trades:
    """What each offered fall brought: aligned with the rows offered; NaN where none was closed."""

    gross: Floats
    cost: Floats
    exit_order: NDArray[np.intp]

    @classmethod
    def at(cls, rows: pd.DataFrame, outcomes: pd.DataFrame, delay: int) -> "_Trades":
        """Look up the closed trades of one entry delay."""
        is_closed = (outcomes["status"] == "closed") & (outcomes["entry_delay_minutes"] == delay)
        known = outcomes.loc[is_closed, [*KEYS, "exit_at", "gross_r", "cost_r"]]
        found = rows[KEYS].merge(known, on=KEYS, how="left", validate="one_to_one")
        order = found.assign(place=np.arange(len(found))).sort_values(
            ["exit_at", "place"], kind="stable"
        )
        return cls(
            found["gross_r"].to_numpy("float64"),
            found["cost_r"].to_numpy("float64"),
            order["place"].to_numpy(np.intp),
        )

    def net(self, multiple: float = 1.0) -> Floats:
        """Multiple of the risk unit after so many times the costs."""
        return self.gross - multiple * self.cost


@dataclass(frozen=True, slots=True)
class _Slice:
    kind: str
    name: str
    is_in: NDArray[np.bool_]
    trades: _Trades
    net: Floats


def compare_scanners(
    offered: pd.DataFrame,
    outcomes: pd.DataFrame,
    sectors: pd.DataFrame,
    minute_dates: Sequence[pd.Timestamp] | pd.Series,
    config: SelloffsConfig,
) -> pd.DataFrame:
    """Return selloffs.backtest: every scanner in every slice of both spans.

    Args:
        offered: From `offered_falls`.
        outcomes: selloffs.outcomes, all delays.
        sectors: bars.sectors; a symbol without one is under "unknown".
        minute_dates: Sessions with minute bars; trades a week are counted over those between the
            span's first and last fall.
        config: Delays, multiples of costs, resamples, and how many trades can be told.

    Expectancy is the mean net multiple weighted by size, and differences are against `take_all`
    on the same falls. Drawdown sums the multiples in the order of the exits, from zero. A figure
    that is not defined is NaN: an interval without enough sessions, a profit factor without a
    loss. Empty where nothing was offered.
    """
    kept = config.backtest
    sector_of = sectors.drop_duplicates("symbol").set_index("symbol")["gics_sector"]
    offered = offered.assign(
        sector=offered["symbol"].map(sector_of).fillna(UNKNOWN_SECTOR).astype("object")
    )
    dates = pd.DatetimeIndex(pd.to_datetime(pd.Series(list(minute_dates)))).unique()
    records = []
    for span in (OOF, HOLDOUT):
        rows = offered[offered["span"] == span].reset_index(drop=True)
        if rows.empty:
            continue
        session = rows["session"].to_numpy("int64")
        first, last = rows["session_date"].iloc[0], rows["session_date"].iloc[-1]
        weeks = max(int(((dates >= first) & (dates <= last)).sum()), 1) / SESSIONS_PER_WEEK
        bootstrap = SessionBootstrap.of_blocks(
            session,
            kept.block_sessions,
            n_samples=kept.bootstrap_samples,
            interval_sd=kept.interval_sd,
            seed=kept.seed,
        )
        for part in _slices(rows, outcomes, config):
            for record in _measured(rows, part, bootstrap, weeks, kept.min_trades):
                records.append({"span": span, **record})
    table = pd.DataFrame(records, columns=list(BACKTEST_KINDS))
    return table.astype(BACKTEST_KINDS)


def _slices(rows: pd.DataFrame, outcomes: pd.DataFrame, config: SelloffsConfig) -> Iterator[_Slice]:
    trades = _Trades.at(rows, outcomes, config.trade.verdict_delay_minutes)
    net, every = trades.net(), rows["is_first"].to_numpy(bool)
    yield _Slice("all", "all", every, trades, net)
    for kind in ("rung", "regime", "hour", "sector", "symbol"):
        values, asked = rows[kind], np.ones_like(every) if kind == "rung" else every
        for value in sorted(values[asked].unique()):
            is_in = (values == value).to_numpy() & asked
            yield _Slice(kind, _written(value), is_in, trades, net)
    for delay in config.trade.delays_minutes:
        late = _Trades.at(rows, outcomes, delay)
        yield _Slice("entry_delay", str(delay), every, late, late.net())
    for multiple in config.backtest.cost_multiples:
        yield _Slice("cost_multiple", f"{multiple:g}", every, trades, trades.net(multiple))


def _written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _measured(
    rows: pd.DataFrame, part: _Slice, bootstrap: SessionBootstrap, weeks: float, min_trades: int
) -> Iterator[dict[str, object]]:
    """Give one record a scanner, without its span."""
    held = part.is_in & np.isfinite(part.net)
    session = rows["session"].to_numpy("int64")[held]
    net, gross = part.net[held], part.trades.gross[held]
    sizes = {name: rows[name].to_numpy("float64")[held] for name in SCANNERS}
    columns = np.column_stack([c for w in sizes.values() for c in (w, w * net)])
    sums = bootstrap.sums(session, columns)
    samples = {name: ratio(sums[:, 2 * i + 1], sums[:, 2 * i]) for i, name in enumerate(SCANNERS)}
    in_exit_order = part.trades.exit_order[held[part.trades.exit_order]]
    everything = _mean(net, sizes[TAKE_ALL])
    for name, size in sizes.items():
        taken = size > 0
        own = bootstrap.around(_mean(net, size), samples[name])
        beside = bootstrap.around(
            float("nan") if name == TAKE_ALL else own.value - everything,
            samples[name] - samples[TAKE_ALL],
        )
        sized = size * net
        lost = -float(sized[sized < 0].sum())
        walked = (rows[name].to_numpy("float64") * part.net)[in_exit_order]
        n_trades = int(taken.sum())
        yield {
            "scanner": name,
            "slice_kind": part.kind,
            "slice": part.name,
            "n_events": int(part.is_in.sum()),
            "n_trades": n_trades,
            "expectancy_r": own.value,
            "expectancy_low": own.low,
            "expectancy_high": own.high,
            "gross_expectancy_r": _mean(gross, size),
            "hit_rate": float((net[taken] > 0).mean()) if n_trades else float("nan"),
            "profit_factor": float(sized[sized > 0].sum()) / lost if lost > 0 else float("nan"),
            "max_drawdown_r": _deepest_fall(walked) if n_trades else float("nan"),
            "trades_per_week": n_trades / weeks,
            "difference_r": beside.value,
            "difference_low": beside.low,
            "difference_high": beside.high,
            "is_assessable": n_trades >= min_trades and bool(np.isfinite(own.low)),
        }


def _mean(value: Floats, size: Floats) -> float:
    whole = float(size.sum())
    return float((size * value).sum()) / whole if whole > 0 else float("nan")


def _deepest_fall(gains: Floats) -> float:
    """Deepest fall of the running sum below its highest point so far, from zero; never above 0."""
    reached = np.concatenate([[0.0], np.cumsum(gains)])
    return float((reached - np.maximum.accumulate(reached)).min())


def equity_by_session(
    offered: pd.DataFrame, outcomes: pd.DataFrame, config: SelloffsConfig
) -> pd.DataFrame:
    """Return selloffs.equity: summed net multiples of each scanner, at the verdict's delay.

    One row per scanner, span and session with an event; a session in which a scanner passed has
    no trade and nothing gained. `equity_r` starts anew with the span.
    """
    offered = offered[offered["is_first"].astype(bool)].reset_index(drop=True)
    net = _Trades.at(offered, outcomes, config.trade.verdict_delay_minutes).net()
    gained = np.where(np.isfinite(net), net, 0.0)
    parts = [pd.DataFrame(columns=list(EQUITY_KINDS))]
    for scanner in SCANNERS:
        size = np.where(np.isfinite(net), offered[scanner].to_numpy("float64"), 0.0)
        sized = offered[["span", "session_date"]].assign(
            n_trades=(size > 0).astype("int64"), r_net=size * gained
        )
        for span in (OOF, HOLDOUT):
            daily = sized[sized["span"] == span].groupby("session_date", as_index=False)
            by_session = daily[["n_trades", "r_net"]].sum()
            parts.append(
                by_session.assign(
                    scanner=scanner, span=span, equity_r=by_session["r_net"].cumsum()
                )[list(EQUITY_KINDS)]
            )
    known = [part for part in parts if len(part)] or parts[:1]
    return pd.concat(known, ignore_index=True).astype(EQUITY_KINDS)
