"""Regimes stage: one label per session, point in time.

bars.daily, bars.universe, bars.vix  ->  regimes.market
"""

from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.domain.regimes.broad_index import broad_index
from trading_pipeline.domain.regimes.market import label_regimes
from trading_pipeline.resources import StageRun


@table_asset(
    "regimes.market", reads=("bars.daily", "bars.universe", "bars.vix"), settings=("regimes",)
)
def market(run: StageRun) -> TableResult:
    """The market's state per session: crash, recovery, or a band of the VIX; with its reason."""
    index_bars, source = broad_index(run.table("bars.daily"), run.table("bars.universe"))
    regimes = label_regimes(index_bars, run.table("bars.vix"), run.config.regimes)
    events = run.read("select event, first_date, last_date, regime from memory.rare_events")
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
