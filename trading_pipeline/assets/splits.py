"""Splits stage: which labels each fold may train on and must be tested on.

labels.direction  ->  splits.holdout, splits.folds
"""

import pandas as pd

from trading_pipeline.assets.table_asset import digest, table_asset
from trading_pipeline.assets.training import protocol_in_force
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.domain.splits.folds import fold_table
from trading_pipeline.domain.splits.protocol import (
    Protocol,
    judgeable_sessions,
    make_protocol,
    protocol_of_record,
    renewal_due,
)
from trading_pipeline.domain.splits.training import holdout_table
from trading_pipeline.resources import StageRun


def universe_id(run: StageRun) -> str:
    """Return what a protocol is good for: another market or target needs another one."""
    source = run.config.source
    return digest(
        {
            "kind": source.kind,
            "data": source.data,
            "symbols": source.symbols,
            "start": source.start,
            "simulation": run.setting("source.simulation") if source.kind == "simulated" else None,
            "labels": run.setting("labels"),
            "splits": run.setting("splits"),
        }
    )


def fix_protocol(run: StageRun, labels: pd.DataFrame) -> Protocol:
    """Return the protocol in force; make and store one where there is none or renewal is due."""
    wanted = universe_id(run)
    stored = run.read(
        "select * from splits.protocols where universe_id = $universe_id order by created_at desc",
        universe_id=wanted,
    )
    sessions = judgeable_sessions(labels)
    # Its write is taken back where a person asks for a new protocol.
    is_in_force = run.warehouse.latest_materialization("splits.holdout") is not None
    if len(stored) and is_in_force:
        record = {str(name): value for name, value in stored.iloc[0].items()}
        protocol = protocol_of_record(record)
        if not renewal_due(protocol, sessions[-1].date(), run.config.splits):
            return protocol
    protocol = make_protocol(sessions, labels, run.config.splits, wanted)
    if protocol.protocol_id not in set(stored["protocol_id"]):
        record = {**protocol.record(), "created_at": pd.Timestamp.now(tz="UTC")}
        run.warehouse.append("splits.protocols", pd.DataFrame([record]))
    return protocol


@table_asset(
    "splits.holdout",
    reads=("labels.direction",),
    settings=("splits", "labels", "source"),
)
def holdout(run: StageRun) -> TableResult:
    """The hold-out of the protocol in force; its edges are dates, fixed until renewed."""
    labels = run.table("labels.direction")
    table = holdout_table(labels, fix_protocol(run, labels))
    row = table.iloc[0]
    reads = run.read(
        "select count(*) as n from splits.holdout_reads where protocol_id = $protocol_id",
        protocol_id=row["protocol_id"],
    )
    return TableResult(
        table,
        {
            "protocol": row["protocol_id"],
            "hold-out": f"{row['holdout_start']:%Y-%m-%d} to {row['holdout_end']:%Y-%m-%d}",
            "reads so far": int(reads["n"].iloc[0]),
            "purged labels": int(row["n_purged"]),
        },
    )


@table_asset("splits.folds", reads=("labels.direction", "splits.holdout"), settings=("splits",))
def folds(run: StageRun) -> TableResult:
    """Role of each label in each fold; purged labels have no row."""
    labels, protocol = run.table("labels.direction"), protocol_in_force(run)
    table = fold_table(labels, protocol)
    tested = table[table["role"] == "test"]
    return TableResult(
        table,
        {
            "protocol": protocol.protocol_id,
            "scheme": protocol.scheme,
            "folds": len(protocol.block_starts),
            "embargo": f"{protocol.embargo_sessions} sessions",
            "test rows": len(tested),
            "plot": run.plot(
                "folds",
                "training, test and quiet sessions of each fold",
                folds=table,
                protocol=protocol.record(),
            ),
        },
    )
