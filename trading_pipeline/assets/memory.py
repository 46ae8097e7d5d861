"""Memory stage: crises by name, and their labelled samples.

bars.daily  ->  memory.rare_events;  labels, features, regimes  ->  memory.archive
"""

from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.contracts.tables import SqlSelect, TableResult
from trading_pipeline.domain.memory.catalogue import rare_event_table
from trading_pipeline.resources import StageRun, read_query


@table_asset("memory.rare_events", reads=("bars.daily", "bars.universe"), settings=("memory",))
def rare_events(run: StageRun) -> TableResult:
    """The catalogue of crises, and how much of each the data hold."""
    keys = run.read(
        "select symbol, session_date from bars.daily join bars.universe using (symbol)"
        " where kind = 'equity'"
    )
    events = rare_event_table(run.config.memory, keys)
    return TableResult(
        events,
        {
            "catalogue version": run.config.memory.catalogue_version,
            "events with data": int((events["n_sessions"] > 0).sum()),
            "sessions in events": int(events["n_sessions"].sum()),
        },
    )


@table_asset(
    "memory.archive",
    reads=("memory.rare_events", "labels.direction", "regimes.market", "features.daily"),
    kinds=("duckdb", "parquet"),
)
def archive(run: StageRun) -> TableResult:
    """One labelled feature row per event, symbol and session; written by DuckDB to the lake."""
    samples = run.read(
        "select event, event.regime as event_regime, label from labels.direction as label_"
        " join memory.rare_events as event"
        " on label_.session_date between event.first_date and event.last_date"
    )
    return TableResult(
        SqlSelect(read_query("memory/archive")),
        {
            "catalogue version": run.config.memory.catalogue_version,
            "events with samples": int(samples["event"].nunique()),
            "open labels": int(samples["label"].isna().sum()),
            "plot": run.plot("archive", "archive samples by event", archive=samples),
        },
    )
