"""The market a scan ran in: index trend, volatility, momentum and returns, VIX, and the hour.

Index and VIX are those of the session before the moment's own, as for every intraday decision.

- trend: up where the index closed above its SMA 20 and that lies above its SMA 50; down where both
  are reversed; else neutral.
- volatility: standard deviation of 20 log returns x sqrt(252).
- momentum: return of 20 sessions / (2 x volatility x sqrt(20 / 252)), cut to -1..1: 1 is a rise
  of two standard deviations or more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.domain.bars.sessions import session_ordinals, session_table

TREND_SESSIONS = 20
DEVIATIONS = 2.0
# Minutes since the open until which the word holds, as falls count them; the last hour is the power
# hour, of half-days too.
TIMES_OF_DAY = ((30, "opening"), (120, "morning"), (240, "midday"))
POWER_HOUR_MINUTES = 60
MINUTE = pd.Timedelta(minutes=1)
BySession = Mapping[int, Mapping[Any, Any]]
MEASURES = ("sma_distance_20", "sma_20_above_50", "volatility_20", "return_5", "return_20")


@dataclass(frozen=True, slots=True)
class MarketConditions:
    """What the market was at a moment; missing is None or NaN, never a number."""

    spy_trend: str | None
    annualised_volatility: float
    momentum: float
    return_5d: float
    return_20d: float
    vix: float
    time_of_day: str
    day_of_week: str
    is_market_hours: bool


class ConditionHistory:
    """Index and VIX of every session, measured once, to be asked at any moment."""

    def __init__(self, index_bars: pd.DataFrame, vix: pd.DataFrame) -> None:
        """Take bars.daily of the index symbol and bars.vix, in any row order; both may be empty.

        Raises ValueError where a session stands twice.
        """
        if vix["session_date"].duplicated().any():
            raise ValueError("bars.vix holds a session twice; clean it before the scan")
        self._index = _measured(index_bars)
        self._vix = _by_session(
            vix[["close", "known_at"]].set_index(session_ordinals(vix["session_date"]))
        )

    def at(self, moment: pd.Timestamp) -> MarketConditions:
        """Return the conditions at an instant (UTC); what was not known by then is missing.

        The moment belongs to the session of its New York date, else to the next one.
        """
        table = session_table()
        local = moment.tz_convert("America/New_York")
        date = local.tz_localize(None).normalize()
        session = int(table["session_date"].searchsorted(date))
        hour = time_of_day(moment)
        measures = _known(self._index, session - 1, moment)
        above, way, volatility, week, month = (measures.get(name, np.nan) for name in MEASURES)
        return MarketConditions(
            spy_trend=_trend(above, way),
            annualised_volatility=volatility,
            momentum=_momentum(month, volatility * np.sqrt(TREND_SESSIONS / 252)),
            return_5d=week,
            return_20d=month,
            vix=_known(self._vix, session - 1, moment).get("close", np.nan),
            time_of_day=hour,
            day_of_week=local.day_name().lower(),
            is_market_hours=hour not in ("pre_market", "after_hours"),
        )


def market_conditions(
    moment: pd.Timestamp, index_bars: pd.DataFrame, vix: pd.DataFrame
) -> MarketConditions:
    """Return the conditions at one moment; see `ConditionHistory`."""
    return ConditionHistory(index_bars, vix).at(moment)


def time_of_day(moment: pd.Timestamp) -> str:
    """Return pre_market, opening, morning, midday, afternoon, power_hour or after_hours.

    Of the session of the New York date; a day without one is after hours throughout. The last
    hour of a half-day is its power hour too.
    """
    table = session_table()
    date = moment.tz_convert("America/New_York").tz_localize(None).normalize()
    session = int(table["session_date"].searchsorted(date))
    today = table.iloc[session]
    if today["session_date"] != date or moment >= today["closes_at"]:
        return "after_hours"
    if moment < today["opens_at"]:
        return "pre_market"
    minutes = (moment - today["opens_at"]) / MINUTE
    if minutes <= TIMES_OF_DAY[0][0]:
        return TIMES_OF_DAY[0][1]
    if (today["closes_at"] - moment) / MINUTE < POWER_HOUR_MINUTES:
        return "power_hour"
    return next((word for end, word in TIMES_OF_DAY if minutes <= end), "afternoon")


def _by_session(rows: pd.DataFrame) -> BySession:
    """Return a frame that is indexed by session ordinal as nested mappings."""
    return dict(zip(rows.index.tolist(), rows.to_dict("records"), strict=True))


def _known(rows: BySession, session: int, moment: pd.Timestamp) -> Mapping[Any, Any]:
    """Return a session's row, empty where there is none or it was not known by the moment."""
    row = rows.get(session, {})
    return row if row and row["known_at"] <= moment else {}


def _measured(index_bars: pd.DataFrame) -> BySession:
    """Return what the conditions rest on, and known_at, by session ordinal."""
    if index_bars.empty:
        return {}
    # It loads numba and TA-Lib, which a process that only asks for the graph should not pay for.
    from trading_pipeline.domain.features.indicators import sma_distance
    from trading_pipeline.domain.features.panel import Panel
    from trading_pipeline.domain.features.prices import past_return, volatility

    panel = Panel(index_bars)
    short, long = (panel.computed(sma_distance(n)) for n in (20, 50))
    values: dict[str, NDArray[np.float64]] = {
        "sma_distance_20": short,
        # How far SMA 20 lies above SMA 50, from the distances of the same close.
        "sma_20_above_50": (1 + long) / (1 + short) - 1,
        "volatility_20": panel.computed(volatility(20)),
        "return_5": panel.computed(past_return(5)),
        "return_20": panel.computed(past_return(20)),
    }
    known = pd.DatetimeIndex(panel.known_at, tz="UTC")
    return _by_session(pd.DataFrame(values | {"known_at": known}, index=panel.session))


def _trend(above: float, way: float) -> str | None:
    """Return the trend of the close's distance from SMA 20 and of SMA 20's from SMA 50."""
    if np.isnan(above) or np.isnan(way):
        return None
    if above > 0 and way > 0:
        return "up"
    return "down" if above < 0 and way < 0 else "neutral"


def _momentum(change: float, deviation: float) -> float:
    if not deviation > 0:
        return float("nan")
    return float(np.clip(change / (DEVIATIONS * deviation), -1.0, 1.0))
