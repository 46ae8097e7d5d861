"""Macro features: rates, credit, prices, work, each read through the `known_at` of bars.macro.

Used are series that are seldom revised. Left out on purpose are those whose past is rewritten
with every release or long after it (GDP, payrolls, industrial production, money, the financial
conditions and stress indices, recession dates): where a file has their last vintage alone, they
hold what nobody knew. A file with `release` dates brings vintages, and each decision reads its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.domain.features.as_of import Vintages, decisions, instants, panel_sessions
from trading_pipeline.domain.features.panel import Panel, Rows, Values
from trading_pipeline.domain.features.registry import Compute, Feature

MACRO_RULE = "the release, else the stated lag of bars.macro; read at 18:00"
# An observation older than this, in days from its date to the decision, says nothing any more:
# spacing, the longest stated lag and a month of delay.
MAX_AGE_DAYS = {"day": 40, "week": 55, "month": 215}
# Days that a change by date may reach further back to find an observation.
SLACK_DAYS = {"day": 7, "week": 7}


@dataclass(frozen=True, slots=True)
class Series:
    """A series of FRED (https://fred.stlouisfed.org): its code, spacing and unit."""

    code: str
    spacing: str
    unit: str


DGS2 = Series("DGS2", "day", "percent a year")
DGS10 = Series("DGS10", "day", "percent a year")
DGS30 = Series("DGS30", "day", "percent a year")
BREAKEVEN = Series("T10YIE", "day", "percent a year")
CREDIT = Series("BAMLC0A0CM", "day", "percent")
HIGH_YIELD = Series("BAMLH0A0HYM2", "day", "percent")
DOLLAR = Series("DTWEXBGS", "day", "index")
OIL = Series("DCOILWTICO", "day", "USD per barrel")
MORTGAGE = Series("MORTGAGE30US", "week", "percent a year")
FED_FUNDS = Series("FEDFUNDS", "month", "percent a year")
CPI = Series("CPIAUCSL", "month", "index")
CORE_CPI = Series("CPILFESL", "month", "index")
UNEMPLOYMENT = Series("UNRATE", "month", "percent")
SENTIMENT = Series("UMCSENT", "month", "index")


def macro_features() -> tuple[Feature, ...]:
    """Return the family macro."""
    levels = (
        ("rate_2y", DGS2),
        ("rate_10y", DGS10),
        ("breakeven_10y", BREAKEVEN),
        ("credit_spread", CREDIT),
        ("high_yield_spread", HIGH_YIELD),
        ("fed_funds", FED_FUNDS),
        ("unemployment", UNEMPLOYMENT),
    )
    changes = (
        ("rate_2y", DGS2),
        ("rate_10y", DGS10),
        ("breakeven_10y", BREAKEVEN),
        ("credit_spread", CREDIT),
        ("high_yield_spread", HIGH_YIELD),
        ("mortgage_rate", MORTGAGE),
    )
    return (
        *(_level(name, series) for name, series in levels),
        *(_change_by_days(name, series) for name, series in changes),
        *(_return_by_days(name, series) for name, series in (("dollar", DOLLAR), ("oil", OIL))),
        _slope("rate_slope_10y_2y", DGS10, DGS2),
        _slope("rate_slope_30y_10y", DGS30, DGS10),
        _change_by_months("fed_funds", FED_FUNDS, 3),
        _change_by_months("fed_funds", FED_FUNDS, 12),
        _change_by_months("unemployment", UNEMPLOYMENT, 3),
        _change_by_months("unemployment", UNEMPLOYMENT, 12),
        _change_by_months("consumer_sentiment", SENTIMENT, 12),
        _yearly("cpi", CPI),
        _yearly("core_cpi", CORE_CPI),
        _feature(
            "cpi_yearly_change_3m",
            "cpi_yearly - cpi_yearly 3 observations before",
            "frac",
            16,
            (CPI,),
            lambda panel: _per_session(
                panel, lambda read: _growth(read(CPI), 0, 12) - _growth(read(CPI), 3, 12)
            ),
        ),
    )


class _Reading:
    """A series as it was known at each of a panel's sessions."""

    def __init__(self, series: Series, table: pd.DataFrame, sessions: Rows) -> None:
        mine = table[table["series"] == series.code]
        dates = pd.DatetimeIndex(mine["observed_date"]).to_numpy()
        self._series = series
        self._moment = decisions()[sessions]
        self._vintages = Vintages(
            _numbers(dates, series.spacing),
            instants(mine["known_at"]),
            mine["value"].to_numpy("float64"),
        )
        self._newest = self._vintages.newest(self._moment)
        unit = "M" if series.spacing == "month" else "D"
        observed = self._newest.astype(f"datetime64[{unit}]").astype("datetime64[D]")
        age = (self._moment.astype("datetime64[ns]").astype("datetime64[D]") - observed).astype(
            "int64"
        )
        self._is_fresh = (self._newest >= 0) & (age <= MAX_AGE_DAYS[series.spacing])

    def value(self, back: int = 0) -> Values:
        """Return the value `back` days or months before the newest observation's."""
        slack = SLACK_DAYS.get(self._series.spacing, 0) if back else 0
        found = np.full(self._moment.size, np.nan)
        for further in range(slack + 1):
            key = np.where(self._is_fresh, np.maximum(self._newest - back - further, -1), -1)
            earlier = self._vintages.at(key, self._moment)
            found = np.where(np.isnan(found), earlier, found)
        return found


Read = Callable[[Series], _Reading]


def _numbers(dates: NDArray[np.datetime64], spacing: str) -> Rows:
    """Return days or, of monthly series, months since 1970."""
    unit = "M" if spacing == "month" else "D"
    return dates.astype(f"datetime64[{unit}]").astype("int64")


def _per_session(panel: Panel, values: Callable[[Read], Values]) -> Values:
    """Return a value of each session at every row; missing without macro series."""
    table = panel.around().events.get("macro")
    if table is None or table.empty:
        return np.full(panel.size, np.nan)
    sessions, place = panel_sessions(panel)

    def read(series: Series) -> _Reading:
        return panel.made_once(("macro", series.code), lambda: _Reading(series, table, sessions))

    return np.asarray(values(read)[place])


def _feature(
    name: str,
    formula: str,
    unit: str,
    lookback: int,
    series: tuple[Series, ...],
    compute: Compute,
) -> Feature:
    return Feature(
        name=name,
        family="macro",
        formula=formula,
        unit=unit,
        lookback_sessions=lookback,
        inputs=tuple(f"macro.{one.code}" for one in series),
        source="FRED",
        known_at_rule=MACRO_RULE,
        compute=compute,
    )


def _level(name: str, series: Series) -> Feature:
    return _feature(
        name,
        f"newest {series.code} known",
        series.unit,
        1,
        (series,),
        lambda panel: _per_session(panel, lambda read: read(series).value()),
    )


def _slope(name: str, far: Series, near: Series) -> Feature:
    return _feature(
        name,
        f"newest {far.code} known - newest {near.code} known",
        far.unit,
        1,
        (far, near),
        lambda panel: _per_session(panel, lambda read: read(far).value() - read(near).value()),
    )


def _change_by_days(name: str, series: Series, days: int = 28) -> Feature:
    return _feature(
        f"{name}_change_{days}d",
        f"newest {series.code} known - that of {days} days before, or up to a week further back",
        series.unit,
        4 if series.spacing == "week" else 19,
        (series,),
        lambda panel: _per_session(
            panel, lambda read: read(series).value() - read(series).value(days)
        ),
    )


def _return_by_days(name: str, series: Series, days: int = 28) -> Feature:
    return _feature(
        f"{name}_return_{days}d",
        f"newest {series.code} known / that of {days} days before, or up to a week further, - 1",
        "frac",
        19,
        (series,),
        lambda panel: _per_session(panel, lambda read: _growth(read(series), 0, days)),
    )


def _change_by_months(name: str, series: Series, months: int) -> Feature:
    return _feature(
        f"{name}_change_{months}m",
        f"newest {series.code} known - that of {months} months before",
        series.unit,
        months + 1,
        (series,),
        lambda panel: _per_session(
            panel, lambda read: read(series).value() - read(series).value(months)
        ),
    )


def _yearly(name: str, series: Series) -> Feature:
    return _feature(
        f"{name}_yearly",
        f"newest {series.code} known / that of 12 months before - 1",
        "frac",
        13,
        (series,),
        lambda panel: _per_session(panel, lambda read: _growth(read(series), 0, 12)),
    )


def _growth(reading: _Reading, back: int, over: int) -> Values:
    earlier = reading.value(back + over)
    return np.asarray(reading.value(back) / np.where(earlier > 0, earlier, np.nan) - 1)
