"""The technical rating of a symbol, 0 to 100: a plain sum of well-known parts of its daily bars.

| part | points | rule |
|---|---|---|
| above SMA 20 | 5 | all or none: the close is above the mean of 20 closes |
| above SMA 50 | 10 | as above, 50 |
| above SMA 200 | 15 | as above, 200 (Faber 2007) |
| golden cross | 10 | all or none: mean of 50 closes above that of 200 (Brock and others 1992) |
| 52-week place | 15 | place of the close in the closes of 252 sessions (George and Hwang 2004) |
| momentum 20 | 10 | rank of the return of 20 sessions, 0 lowest to 1 highest of the equities |
| momentum 63 | 15 | as above, 63 (Jegadeesh and Titman 1993) |
| momentum 126 | 10 | as above, 126 |
| RSI 14 | 5 | (RSI - 30) / 40, cut to 0..1 (Wilder 1978) |
| volume trend | 5 | all or none: on-balance volume rose over 20 sessions (Granville 1963) |

The weights follow the idea of StockCharts' technical rank (Murphy): the long term counts most. They
are fixed, not fitted. A symbol that lacks a part, through a short history or a source without
volume, has no rating; neither has one without another equity to be ranked against.
"""

from typing import Final

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars.sessions import session_ordinals, session_table

POINTS: Final = {
    "sma_distance_20": 5.0,
    "sma_distance_50": 10.0,
    "sma_distance_200": 15.0,
    "is_golden_cross": 10.0,
    "place_252": 15.0,
    "return_20": 10.0,
    "return_63": 15.0,
    "return_126": 10.0,
    "rsi_14": 5.0,
    "obv_slope_20": 5.0,
}
SIGNS: Final = ("sma_distance_20", "sma_distance_50", "sma_distance_200", "obv_slope_20")
RANKED: Final = ("return_20", "return_63", "return_126")
RSI_LOW, RSI_SPAN = 30.0, 40.0


def rating_parts(bars: pd.DataFrame) -> pd.DataFrame:
    """Return what ratings are made of, one row per bar: symbol, session, known_at and the parts.

    Args:
        bars: Equities in the columns of bars.daily, in any row order. A part rests on its own and
            earlier bars, so the rows before a cut are the same without the bars after it.

    Sorted by session and symbol. Missing is NaN: in a warm-up and across a vendor seam.
    Raises ValueError where a symbol has a session twice.
    """
    # They load numba and TA-Lib, which a process that only asks for the graph should not pay for.
    from trading_pipeline.domain.features.activity import obv_slope
    from trading_pipeline.domain.features.indicators import rsi, sma_distance
    from trading_pipeline.domain.features.panel import Panel
    from trading_pipeline.domain.features.prices import past_return, place
    from trading_pipeline.domain.features.trends import golden_cross

    panel = Panel(bars)
    features = (
        *(sma_distance(n) for n in (20, 50, 200)),
        golden_cross(),
        place(252),
        *(past_return(n) for n in (20, 63, 126)),
        rsi(14),
        obv_slope(),
    )
    parts = pd.DataFrame(
        {
            "symbol": panel.symbols[panel.code],
            "session": panel.session,
            "known_at": pd.DatetimeIndex(panel.known_at, tz="UTC"),
        }
        | {feature.name: panel.computed(feature) for feature in features}
    )
    return parts.sort_values(["session", "symbol"], ignore_index=True)


def tech_ratings(
    parts: pd.DataFrame, session_date: pd.Timestamp, lookback_sessions: int
) -> pd.Series:
    """Return the ratings as of a session's open, named by symbol, sorted by it.

    Args:
        parts: As `rating_parts` gives them.
        session_date: The session whose open is the moment; bars known by then count.
        lookback_sessions: A symbol is rated by its newest known bar, which may be so old.

    Missing where a part is. Raises ValueError where the date is no session.
    """
    newest = _newest_known(parts, session_date, lookback_sessions).set_index("symbol")
    rated = newest[list(POINTS)]
    scores = pd.DataFrame(index=rated.index)
    for name, points in POINTS.items():
        values = rated[name]
        if name in SIGNS:
            score = (values > 0).astype("float64").where(values.notna())
        elif name in RANKED:
            score = _ranks(values)
        elif name == "rsi_14":
            score = ((values - RSI_LOW) / RSI_SPAN).clip(0.0, 1.0)
        else:
            score = values
        scores[name] = points * score
    return scores.sum(axis=1, skipna=False).rename("tech_rating").sort_index()


def _newest_known(
    parts: pd.DataFrame, session_date: pd.Timestamp, lookback_sessions: int
) -> pd.DataFrame:
    """Return each symbol's newest row that was known at the open, if it is young enough."""
    session = int(session_ordinals(pd.DatetimeIndex([session_date]))[0])
    if session < 0:
        raise ValueError(f"{session_date:%Y-%m-%d} is no session; give a date of the exchange")
    opens_at = session_table()["opens_at"].iloc[session]
    ordinals = parts["session"].to_numpy()
    first, end = np.searchsorted(ordinals, [session - lookback_sessions, session])
    rows: pd.DataFrame = parts.iloc[first:end]
    known: pd.DataFrame = rows[rows["known_at"] <= opens_at]
    return known.drop_duplicates("symbol", keep="last")


def _ranks(values: pd.Series) -> pd.Series:
    """Return mean ranks, 0 lowest to 1 highest; missing where the value is, or is alone."""
    others = values.count() - 1
    return (values.rank() - 1) / (others if others > 0 else np.nan)
