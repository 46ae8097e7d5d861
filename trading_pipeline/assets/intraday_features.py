"""Features of intraday bars: one month of minutes at a time, what came before in a small state.

bars.minute, bars.corporate_actions  ->  features.intraday
"""

from collections.abc import Iterator

import pandas as pd

from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.contracts.tables import FrameChunks, TableResult
from trading_pipeline.domain.bars.minutes import INTERVALS_MINUTES
from trading_pipeline.domain.features.intraday import IntradayState
from trading_pipeline.domain.features.intraday_registry import intraday_registry
from trading_pipeline.resources import StageRun


@table_asset(
    "features.intraday",
    reads=("bars.minute", "bars.intraday", "bars.corporate_actions"),
    settings=("features.intraday",),
    kinds=("numba", "parquet"),
)
def intraday(run: StageRun) -> TableResult:
    """Features at 5, 10, 15 and 60 minutes; coarser bars are read only once they have closed."""
    months = run.read(
        "select min(session_date) as first_date, max(session_date) as last_date from bars.minute"
        " where is_regular group by date_trunc('month', session_date) order by first_date"
    )
    if months.empty:
        return TableResult(run.table("features.intraday").iloc[:0], {"why empty": "no minute bars"})
    registry = intraday_registry(run.config.features.intraday)
    return TableResult(
        FrameChunks(month_frames(run, months)),
        {
            "features": len({feature.name for feature in registry}),
            "timeframes": ", ".join(f"{n} min" for n in INTERVALS_MINUTES),
            "months": len(months),
            "plot": run.plot(
                "volume_curve",
                "share of volume by time of day",
                curve=run.query("features/volume_curve"),
            ),
        },
    )


def month_frames(run: StageRun, months: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield the rows of one month after another (months: first_date, last_date, in order)."""
    actions = run.table("bars.corporate_actions")
    state = IntradayState(run.config.features.intraday, actions, run.config.runtime.threads)
    for done, (first, last) in enumerate(months.itertuples(index=False), start=1):
        minutes = run.query("features/regular_minutes", first_date=first, last_date=last)
        # A New York session ends before midnight UTC of its date.
        until = pd.Timestamp(last).tz_localize("UTC") + pd.Timedelta(days=1)
        yield state.advance(minutes, until)
        run.advance(done, len(months), "months")
