"""What followed a prediction, once its label span has closed; an outcome is never changed."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import BacktestConfig, LabelsConfig
from trading_pipeline.domain.backtest.sizing import size_orders
from trading_pipeline.domain.backtest.trades import choose_orders
from trading_pipeline.domain.bars.sessions import session_dates, session_table
from trading_pipeline.domain.labels.direction import label_direction, span_bars

TRADED, SKIPPED, MISSED = "traded", "skipped", "missed"
OUTCOME_COLUMNS = (
    "prediction_id",
    "symbol",
    "session_date",
    "session",
    "role",
    "model_version",
    "probability",
    "regime",
    "horizon_sessions",
    "end_session",
    "end_date",
    "raw_return_frac",
    "excess_return_frac",
    "label",
    "mfe_frac",
    "mae_frac",
    "sessions_to_peak",
    "hit_raw",
    "hit_excess",
    "status",
    "known_at",
)
KEPT = ["prediction_id", "symbol", "session_date", "session", "role", "model_version"]
KEPT += ["probability", "regime", "horizon_sessions"]

Floats = NDArray[np.float64]


class Excursion(NamedTuple):
    """Best and worst excursion in the predicted direction, and when the best was reached."""

    mfe: Floats
    mae: Floats
    sessions_to_peak: Floats


def resolve_outcomes(
    predictions: pd.DataFrame,
    said: pd.DataFrame,
    bars: pd.DataFrame,
    universe: pd.DataFrame,
    labels: LabelsConfig,
    min_symbols: int,
    backtest: BacktestConfig,
    hit_return_frac: float,
) -> pd.DataFrame:
    """Return rows of outcomes.resolved: every prediction whose label span lies inside the data.

    The returns are those of labels.direction: entry at the next open, exit at the close of the
    last session of the span, or at the last close of a symbol that ended inside it. A probability
    above one half foresees a rise, any other a fall; a hit in raw terms moved at least
    `hit_return_frac` that way, one in excess terms ended on that side of the universe's median.

    `status`: `traded` where the book of the backtest settings takes the order, `missed` where it
    wants it but the symbol has no bar in the next session, else `skipped`.

    Args:
        predictions: Rows of predictions.live, whole sessions of each role and model.
        said: All that these roles and models have said: what the book takes may depend on what
            it held before.
        bars: Rows of bars.daily from the first predicted session on, and as many sessions before
            as the book's sizing looks back.
        universe: Rows of bars.universe.
        labels: Target; the horizon is each prediction's own.
        min_symbols: Sessions with fewer labelled equities have no median: no excess return.
        backtest: The book that chooses.
        hit_return_frac: [fraction] Least raw move of a hit.

    Returns:
        Ordered by session, role, model and symbol. Returns, excursions and hits are missing where
        the symbol was never entered or the span crosses a vendor seam.
    """
    parts = []
    last_session = bars["session"].max() if len(bars) else -1
    for horizon in sorted(predictions["horizon_sessions"].unique().tolist()):
        own = predictions[predictions["horizon_sessions"] == horizon]
        closed = own[own["session"] <= last_session - horizon]
        if len(closed):
            config = labels.model_copy(update={"horizon_sessions": int(horizon)})
            spans = _Spans.build(bars, universe, config, min_symbols)
            parts.append(_resolved(closed, said, spans, backtest, hit_return_frac))
    if not parts:
        return no_outcomes()
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(["session", "role", "model_version", "symbol"], ignore_index=True)


class _Spans(NamedTuple):
    """Labels of all equities beside the bars they rest on, in order of symbol and session."""

    bars: pd.DataFrame
    labels: pd.DataFrame
    horizon: int

    @classmethod
    def build(
        cls, bars: pd.DataFrame, universe: pd.DataFrame, config: LabelsConfig, min_symbols: int
    ) -> "_Spans":
        equities = universe.loc[universe["kind"] == "equity", "symbol"]
        rows = bars[bars["symbol"].isin(equities)]
        rows = rows.sort_values(["symbol", "session"], ignore_index=True)
        return cls(
            rows, label_direction(rows, universe, config, min_symbols), config.horizon_sessions
        )


def _resolved(
    predictions: pd.DataFrame,
    said: pd.DataFrame,
    spans: _Spans,
    backtest: BacktestConfig,
    hit_return_frac: float,
) -> pd.DataFrame:
    keys = ["symbol", "session"]
    at = pd.MultiIndex.from_frame(spans.bars[keys]).get_indexer(
        pd.MultiIndex.from_frame(predictions[keys])
    )
    known = spans.labels.iloc[at].reset_index(drop=True)
    # A bar that was withdrawn after the prediction leaves it without an outcome.
    known.loc[at < 0, ["forward_return_frac", "excess_return_frac", "label"]] = np.nan
    rows = predictions[KEPT].reset_index(drop=True)
    is_up = (rows["probability"] > 0.5).to_numpy()
    raw = known["forward_return_frac"].to_numpy("float64")
    excess = known["excess_return_frac"].to_numpy("float64")
    found = excursions(spans.bars, at, is_up, spans.horizon)
    end = rows["session"].to_numpy("int64") + spans.horizon
    closes_at = session_table()["closes_at"].iloc[end].reset_index(drop=True)
    # Without a return there is no path either.
    path = {name: np.where(np.isnan(raw), np.nan, value) for name, value in found._asdict().items()}
    return rows.assign(
        end_session=end,
        end_date=known["end_date"].where(pd.Series(at >= 0), pd.Series(session_dates(end))),
        raw_return_frac=raw,
        excess_return_frac=excess,
        label=known["label"],
        mfe_frac=path["mfe"],
        mae_frac=path["mae"],
        sessions_to_peak=path["sessions_to_peak"],
        hit_raw=_told(np.where(is_up, raw, -raw) >= hit_return_frac, raw),
        hit_excess=_told((excess > 0) == is_up, excess),
        status=_status(rows, said, spans.bars, backtest),
        known_at=known["known_at"].where(pd.Series(at >= 0), closes_at),
    )[list(OUTCOME_COLUMNS)]


def excursions(
    bars: pd.DataFrame, at: NDArray[np.intp], is_up: NDArray[np.bool_], horizon: int
) -> Excursion:
    """Return the best and worst excursion from the entry to the exit, as fractions of the entry.

    Highs and lows are in the entry's terms: splits and dividends are neutral. Where a bar has no
    high or low its close counts; where the entry was at the close, that session counts nothing.

    Args:
        bars: Bars of equities in order of symbol and session: symbol, session, open, high, low,
            close, adj_factor.
        at: Place of each prediction's own bar, -1 for none.
        is_up: Whether a rise was foreseen; a fall's best is the lowest price.
        horizon: Sessions of the span.

    Returns:
        mae <= 0 <= mfe, both NaN where the span holds no bar. The sessions from the decision to
        the first bar of the best excursion are NaN where the price never went that way.
    """
    code = pd.factorize(bars["symbol"])[0].astype("int64")
    session = bars["session"].to_numpy("int64")
    factor = bars["adj_factor"].to_numpy("float64")
    opened, high, low, close = (
        bars[name].to_numpy("float64") * factor for name in ("open", "high", "low", "close")
    )
    high = np.where(np.isnan(high), close, high)
    low = np.where(np.isnan(low), close, low)
    entry, exit_ = (place[at] for place in span_bars(code, session, horizon))
    is_entered = (at >= 0) & (exit_ >= entry)
    start = np.minimum(entry, len(bars) - 1)
    at_close = np.isnan(opened[start])
    price = np.where(at_close, close[start], opened[start])
    zero = np.where(is_entered, 0.0, np.nan)
    mfe, mae = zero.copy(), zero.copy()
    peak = np.full(at.size, np.nan)
    for ahead in range(horizon):
        place = np.minimum(entry + ahead, len(bars) - 1)
        counts = is_entered & (entry + ahead <= exit_)
        if ahead == 0:
            counts &= ~at_close
        up, down = high[place] / price - 1, low[place] / price - 1
        best, worst = np.where(is_up, up, -down), np.where(is_up, down, -up)
        is_better = counts & (best > mfe)
        peak = np.where(is_better, session[place] - session[at], peak)
        mfe = np.where(is_better, best, mfe)
        mae = np.where(counts & (worst < mae), worst, mae)
    return Excursion(mfe, mae, peak)


def _told(flag: NDArray[np.bool_], value: Floats) -> NDArray[np.object_]:
    """Return a flag where its value is known, else nothing."""
    told: NDArray[np.object_] = flag.astype(object)
    told[np.isnan(value)] = None
    return told


def _status(
    rows: pd.DataFrame, said: pd.DataFrame, bars: pd.DataFrame, backtest: BacktestConfig
) -> NDArray[np.object_]:
    """Return whether the book would have taken each prediction; roles and models apart."""
    status = np.full(len(rows), SKIPPED, dtype=object)
    next_bars = pd.MultiIndex.from_arrays([bars["symbol"], bars["session"] - 1])
    speakers = ["role", "model_version"]
    all_said = dict(iter(said.groupby(speakers)))
    for key, own in rows.groupby(speakers):
        chosen = choose_orders(all_said[key], backtest)
        sized = size_orders(chosen[chosen["session"].isin(own["session"])], bars, backtest)
        orders = pd.MultiIndex.from_frame(sized[["symbol", "session"]])
        keys = pd.MultiIndex.from_frame(own[["symbol", "session"]])
        places = own.index.to_numpy()[keys.isin(orders)]
        fills = pd.MultiIndex.from_frame(rows.loc[places, ["symbol", "session"]]).isin(next_bars)
        status[places] = np.where(fills, TRADED, MISSED)
    return status


def no_outcomes() -> pd.DataFrame:
    """Return rows of outcomes.resolved where no span has closed."""
    words = {"prediction_id", "symbol", "role", "model_version", "regime", "hit_raw", "hit_excess"}
    words |= {"status"}
    kinds = dict.fromkeys(("session", "horizon_sessions", "end_session"), "int64")
    kinds |= dict.fromkeys(("session_date", "end_date"), "datetime64[ns]")
    kinds |= dict.fromkeys(words, "object") | {"known_at": "datetime64[ns, UTC]"}
    return pd.DataFrame(
        {name: pd.Series(dtype=kinds.get(name, "float64")) for name in OUTCOME_COLUMNS}
    )
