"""Planted leaks in daily features: mistakes that are easily made in one line of a `compute`."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars.sessions import session_dates
from trading_pipeline.domain.features.panel import Panel, Values
from trading_pipeline.domain.features.registry import Compute, Feature


def planted_feature(name: str, formula: str, compute: Compute) -> Feature:
    """Return a feature for one trial."""
    return Feature(
        name=name,
        family="planted",
        formula=formula,
        unit="1",
        lookback_sessions=1,
        inputs=("close",),
        source="planted leak",
        compute=compute,
    )


def planted_features() -> tuple[Feature, ...]:
    """Return the planted leaks that one feature makes, by the names of the standards."""
    return (
        planted_feature("future bar", "close of the next bar / close - 1", _future_bar),
        planted_feature("centred window", "mean close of 10 bars on both sides", _centred),
        planted_feature("full-sample scaler", "return / its deviation over all data", _scaled),
        planted_feature("back-fill", "volume, gaps filled from the next bar", _back_filled),
        planted_feature("full-sample rank", "rank of the return among all sessions", _ranked),
        planted_feature("back-adjusted price level", "close, adjusted back from today", _level),
        planted_feature(
            "resample labelled on the wrong side",
            "the week's return, shown from its first session on",
            _weekly,
        ),
        planted_feature("full-sample regime", "VIX above the 80 % quantile of all data", _regime),
        planted_feature("survivor universe", "rank among those that still trade", _survivors),
    )


def single_candle_leak() -> Feature:
    """Return a return that reads the next bar in one single session, at every other it is sound."""
    return planted_feature("single-candle leak", "return; one row was never shifted", _one_candle)


OfSeries = Callable[["pd.Series[float]"], "pd.Series[float]"]


def _per_symbol(panel: Panel, values: Values, of_series: OfSeries) -> Values:
    by_symbol = pd.Series(values).groupby(panel.code)
    return np.asarray(by_symbol.transform(of_series), dtype="float64")


def _future_bar(panel: Panel) -> Values:
    return _per_symbol(panel, panel["close"], lambda close: close.shift(-1) / close - 1)


def _centred(panel: Panel) -> Values:
    def ratio(close: "pd.Series[float]") -> "pd.Series[float]":
        return close / close.rolling(21, center=True, min_periods=5).mean() - 1

    return _per_symbol(panel, panel["close"], ratio)


def _scaled(panel: Panel) -> Values:
    returns = panel["return"]
    return np.asarray((returns - np.nanmean(returns)) / np.nanstd(returns), dtype="float64")


def _back_filled(panel: Panel) -> Values:
    return _per_symbol(panel, panel["volume"], lambda volume: volume.bfill())


def _ranked(panel: Panel) -> Values:
    return np.asarray(pd.Series(panel["return"]).rank(pct=True), dtype="float64")


def _level(panel: Panel) -> Values:
    """Raw close x factor / the last factor: a split yet to come divides it already."""
    factor = panel["close"] / panel.level
    return _per_symbol(panel, factor, lambda own: own / own.iloc[-1]) * panel.level


def _weekly(panel: Panel) -> Values:
    week = session_dates(panel.session).to_period("W").to_timestamp()
    close = pd.Series(panel["close"])
    last = close.groupby([panel.code, week]).transform("last")
    first = close.groupby([panel.code, week]).transform("first")
    return np.asarray(last / first - 1, dtype="float64")


def _regime(panel: Panel) -> Values:
    vix = panel.around().vix
    if vix is None:
        return np.full(panel.size, np.nan)
    return vix.beside((vix.level > np.quantile(vix.level, 0.8)).astype("float64"), panel.session)


def _survivors(panel: Panel) -> Values:
    last = pd.Series(panel.session).groupby(panel.code).transform("max").to_numpy()
    still_trades = last == panel.session.max()
    returns = pd.Series(np.where(still_trades, panel.past_change(5), np.nan))
    return np.asarray(returns.groupby(panel.session).rank(pct=True), dtype="float64")


def _one_candle(panel: Panel) -> Values:
    """The first row of a window with the largest move: where a `shift` was forgotten once."""
    place = panel.session - panel.session.min()
    returns = panel["return"].copy()
    ahead = np.append(returns[1:], np.nan)
    here = (place == 217) & (panel.code == 3)
    returns[here] = ahead[here]
    return returns
