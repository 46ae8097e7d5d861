"""Regimes stage: one label per session, point in time.

bars.daily, bars.universe, bars.vix  ->  regimes.market
"""

import pandas as pd

from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.domain.regimes.broad_index import broad_index
from trading_pipeline.domain.regimes.market import label_regimes
from trading_pipeline.resources import StageRun


@table_asset(
    "regimes.market",
    reads=("bars.daily", "bars.universe", "bars.vix"),
    settings=("regimes", "memory"),
)
def market(run: StageRun) -> TableResult:
    """The market's state per session: crash, recovery, or a band of the VIX; with its reason."""
    index_bars, source = broad_index(run.table("bars.daily"), run.table("bars.universe"))
    regimes = label_regimes(index_bars, run.table("bars.vix"), run.config.regimes)
    events = pd.DataFrame([event.model_dump() for event in run.config.memory.catalogue])
    events[["first_date", "last_date"]] = events[["first_date", "last_date"]].astype(
        "datetime64[ns]"
    )
    counts = regimes["regime"].value_counts()
    return TableResult(
        regimes,
        {
            "index": source,
            "vix source": ", ".join(sorted(regimes["vix_source"].unique())),
            "spells": int((regimes["regime"] != regimes["regime"].shift()).sum()),
            **{f"sessions {regime}": int(n) for regime, n in counts.items()},
            "plot": run.plot(
                "price_regimes",
                "the index over its regimes",
                index_bars=index_bars,
                regimes=regimes,
                events=events,
            ),
        },
    )
