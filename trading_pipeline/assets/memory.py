"""Memory stage: crises by name, their labelled samples, new ones proposed, errors replayed.

bars.daily  ->  memory.rare_events;  labels, features, regimes  ->  memory.archive
regimes.market  ->  memory.proposals;  ensemble.oof  ->  memory.replay
"""

import pandas as pd

from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.assets.training import protocol_in_force, training_fingerprint
from trading_pipeline.contracts.tables import Markdown, SqlSelect, TableResult
from trading_pipeline.domain.ensemble.stack import STACK
from trading_pipeline.domain.memory.catalogue import rare_event_table
from trading_pipeline.domain.memory.proposals import lines_to_paste, propose_events
from trading_pipeline.domain.memory.replay import prediction_errors, replay_buffer
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK
from trading_pipeline.resources import StageRun, read_query

CATALOGUE_SETTINGS = ("memory.catalogue_version", "memory.events", "memory.own_events")


@table_asset(
    "memory.rare_events", reads=("bars.daily", "bars.universe"), settings=CATALOGUE_SETTINGS
)
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
            "events of your own": len(run.config.memory.own_events),
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


@table_asset(
    "memory.proposals",
    reads=("regimes.market", "memory.rare_events"),
    settings=("memory",),
)
def proposals(run: StageRun) -> TableResult:
    """Rare spells of stress with their evidence; nothing joins the catalogue but by a person."""
    memory = run.config.memory
    regimes = run.table("regimes.market")
    table = propose_events(regimes, memory)
    ended = table[table["state"] == "ended"]
    running = table[(table["state"] == "begun") & ~table["proposal"].isin(ended["proposal"])]
    offered = ended[ended["covered_by"].isna()]
    lines = lines_to_paste(table, memory)
    index_bars = regimes[["session_date", "index_close"]].rename(columns={"index_close": "close"})
    return TableResult(
        table,
        {
            "proposed": ", ".join(offered["proposal"]) or "none",
            "in the catalogue already": ", ".join(sorted(set(ended["covered_by"].dropna())))
            or "none",
            "still running": ", ".join(running["proposal"]) or "none",
            "rarer than": f"{memory.proposals.quantile:.0%} of at least "
            f"{memory.proposals.min_past_spells} past spells",
            "lines for your settings file": Markdown(
                f"```toml\n{lines}\n```" if lines else "nothing is proposed"
            ),
            "plot": run.plot(
                "price_regimes",
                "the index and the spells proposed",
                index_bars=index_bars,
                regimes=regimes,
                events=offered.rename(columns={"proposal": "event"}),
            ),
        },
    )


@table_asset(
    "memory.replay",
    reads=("ensemble.oof", "labels.direction", "regimes.market", "splits.holdout"),
    settings=("sampling.replay", "sampling.use_replay", "splits"),
    fingerprint=lambda run: training_fingerprint(run, "ensemble.oof"),
)
def replay(run: StageRun) -> TableResult:
    """The worst out-of-fold errors known before each fit: what it replays, or would if switched on.

    The judged model sees only errors whose span ended before the hold-out.
    """
    sampling, protocol = run.config.sampling, protocol_in_force(run)
    predictions = run.table("ensemble.oof")
    spans = run.read(
        "select symbol, labels.session, end_session, regime from labels.direction as labels"
        " join regimes.market using (session_date) where end_date < $start and label is not null",
        start=protocol.holdout_start,
    )
    errors = prediction_errors(predictions[predictions["learner"] != STACK], spans)
    errors = errors.merge(spans[["symbol", "session", "regime"]], on=["symbol", "session"])
    parts = [
        replay_buffer(
            errors[_made_before(errors, block)], protocol.opens[block], sampling.replay
        ).assign(block=block)
        for block in protocol.blocks
    ]
    table = pd.concat(parts, ignore_index=True)
    final = table[table["block"] == FINAL_BLOCK]
    worst = final["regime"].value_counts(normalize=True)
    usual = errors["regime"].value_counts(normalize=True)
    return TableResult(
        table,
        {
            "acts": "yes" if sampling.use_replay else "no: sampling.use_replay is off",
            **{
                f"errors, {'judged model' if block == FINAL_BLOCK else f'block {block}'}": int(n)
                for block, n in table["block"].value_counts().sort_index().items()
            },
            "least error of the judged model's": round(float(final["error_frac"].min()), 4),
            **{
                f"share in {regime}": f"{worst.get(regime, 0.0):.1%} of the errors,"
                f" {share:.1%} of the predictions"
                for regime, share in usual.items()
            },
        },
    )


def _made_before(errors: pd.DataFrame, block: int) -> "pd.Series[bool]":
    """Return which errors were made in earlier blocks than one that is fitted."""
    return errors["block"].notna() if block == FINAL_BLOCK else errors["block"] < block
