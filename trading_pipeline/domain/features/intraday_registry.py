"""What features.intraday holds: its columns, at every timeframe, and what they mean."""

from dataclasses import dataclass
from typing import Final

from trading_pipeline.contracts.data_config import IntradayFeaturesConfig
from trading_pipeline.domain.bars.minutes import INTERVALS_MINUTES
from trading_pipeline.domain.features.intraday_lines import Column, Line, intraday_lines

AT_CLOSE: Final = "closes_at of the bar; later where a split became known after its ex_date"


@dataclass(frozen=True, slots=True, kw_only=True)
class IntradayFeature:
    """One column of features.intraday at one timeframe.

    `lookback_sessions` counts bars of the timeframe, as it counts bars of sessions for features
    of features.daily; before that the value is missing.
    """

    name: str
    timeframe_minutes: int
    family: str
    formula: str
    unit: str
    lookback_sessions: int
    inputs: tuple[str, ...]
    source: str
    known_at_rule: str = AT_CLOSE
    alternative: tuple[str, str] | None = None
    stage: str = "intraday"


def column_names(config: IntradayFeaturesConfig) -> tuple[str, ...]:
    """Return the columns of features.intraday in order: own ones, then those of coarser bars.

    Raises ValueError where a grid lists a window twice.
    """
    columns = [column for line in intraday_lines(config) for column in line.columns]
    names = [column.name for column in columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"features defined twice: {repeated}; list each window of a grid once")
    joined = [column.name for column in columns if column.is_joined]
    return (*names, *(coarse_name(n, m) for m in INTERVALS_MINUTES[1:] for n in joined))


def coarse_name(name: str, interval: int) -> str:
    """Return the name under which finer bars carry a column of a coarser one."""
    return f"{name}_of_{interval}m"


def intraday_registry(config: IntradayFeaturesConfig) -> tuple[IntradayFeature, ...]:
    """Return every intraday feature at every timeframe, in the order of intervals and columns.

    Raises ValueError where a grid lists a window twice.
    """
    column_names(config)
    lines = intraday_lines(config)
    own = [_feature(line, c, m) for m in INTERVALS_MINUTES for line in lines for c in line.columns]
    coarse = [
        _coarse_feature(line, column, fine, wide)
        for fine in INTERVALS_MINUTES
        for wide in INTERVALS_MINUTES
        if wide > fine
        for line in lines
        for column in line.columns
        if column.is_joined
    ]
    made = (*own, *coarse)
    return tuple(sorted(made, key=lambda f: INTERVALS_MINUTES.index(f.timeframe_minutes)))


def _feature(line: Line, column: Column, interval: int) -> IntradayFeature:
    window = "_".join(str(n) for n in line.periods)
    return IntradayFeature(
        name=column.name,
        timeframe_minutes=interval,
        family=line.family,
        formula=column.formula,
        unit=column.unit,
        lookback_sessions=line.lookback(interval),
        inputs=line.inputs,
        source=line.source,
        alternative=None if line.group is None else (line.group, window),
    )


def _coarse_feature(line: Line, column: Column, fine: int, wide: int) -> IntradayFeature:
    window = "_".join(str(n) for n in line.periods)
    return IntradayFeature(
        name=coarse_name(column.name, wide),
        timeframe_minutes=fine,
        family="higher_timeframe",
        formula=f"{column.name} of the last {wide}-minute bar that closed no later than this bar",
        unit=column.unit,
        lookback_sessions=line.lookback(wide) * -(-wide // fine),
        inputs=line.inputs,
        source=line.source,
        alternative=None if line.group is None else (line.group, window),
    )
