"""Selloffs stage: the model of falls, fitted block after block, and what it is worth.

selloffs.events, features, outcomes  ->  selloffs.scores  ->  selloffs.model, selloffs.metrics
"""

from typing import Any

import pandas as pd

from trading_pipeline.assets.ensemble import judged_version, record_read, stored_files
from trading_pipeline.assets.splits import universe_id
from trading_pipeline.assets.table_asset import digest, table_asset
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.domain.ensemble.scores import ALL_REGIMES
from trading_pipeline.domain.ensemble.training import Panel
from trading_pipeline.domain.selloffs.judge import (
    MAJORITY,
    MODEL,
    TRIVIAL,
    score_falls,
)
from trading_pipeline.domain.selloffs.model import SelloffModel
from trading_pipeline.domain.selloffs.panel import fall_panel
from trading_pipeline.domain.selloffs.protocol import (
    fall_protocol_due,
    falls_universe,
    make_fall_protocol,
    study_size,
    tested_places,
    why_not,
)
from trading_pipeline.domain.selloffs.training import FallTraining, Walk
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK, Protocol, protocol_of_record
from trading_pipeline.resources import StageRun

READS = ("selloffs.events", "selloffs.features", "selloffs.outcomes", "regimes.market")
SETTINGS = (
    "selloffs.model",
    "selloffs.rungs",
    "selloffs.trade",
    "sampling.replay",
    "splits.renew_after_sessions",
    "runtime.device",
)
JUDGED, DEPLOYED = "judged", "deployed"


def load_falls(run: StageRun) -> Panel:
    """Read the closed falls and what was known of them, once a run."""
    key = {name: run.hash(name) for name in READS}
    delay = run.config.selloffs.trade.verdict_delay_minutes
    panel: Panel = run.remember(
        "panel of falls",
        (key, delay),
        lambda: fall_panel(
            run.table("selloffs.events"),
            run.table("selloffs.features"),
            run.table("selloffs.outcomes"),
            run.read("select session_date, regime from regimes.market"),
            delay,
        ),
    )
    return panel


def stored_protocol(run: StageRun) -> Protocol | None:
    """Return the newest protocol of falls of these settings; None before the first."""
    stored = run.read(
        "select * exclude (created_at) from splits.protocols where universe_id = $universe"
        " order by created_at desc limit 1",
        universe=falls_universe(run.config.selloffs, universe_id(run)),
    )
    if stored.empty:
        return None
    return protocol_of_record({str(name): value for name, value in stored.iloc[0].items()})


def fix_fall_protocol(run: StageRun, panel: Panel) -> Protocol:
    """Return the protocol in force; make and store one where there is none or it is due."""
    known = stored_protocol(run)
    # Its write is taken back where a person asks for a new protocol.
    is_in_force = run.warehouse.latest_materialization("selloffs.scores") is not None
    config = run.config
    if (
        known
        and is_in_force
        and not fall_protocol_due(known, panel, config.selloffs, config.splits)
    ):
        return known
    universe = falls_universe(config.selloffs, universe_id(run))
    protocol = make_fall_protocol(panel.rows, config.selloffs, universe)
    if known is None or protocol.protocol_id != known.protocol_id:
        record = {**protocol.record(), "created_at": pd.Timestamp.now(tz="UTC")}
        run.warehouse.append("splits.protocols", pd.DataFrame([record]))
    return protocol


def training_of(run: StageRun, protocol: Protocol) -> FallTraining:
    """Return the closed falls with the settings that fit them."""
    config = run.config
    return FallTraining(
        load_falls(run), protocol, config.selloffs, config.sampling.replay, config.runtime
    )


def walked(run: StageRun, protocol: Protocol) -> Walk | str:
    """Return every block fitted and judged, once a run; in words why that cannot be."""

    def make() -> Walk | str:
        try:
            return training_of(run, protocol).walk()
        except ValueError as error:
            return str(error)

    key = {name: run.hash(name) for name in READS}
    found: Walk | str = run.remember("walk of falls", (key, protocol.protocol_id), make)
    return found


def nothing(run: StageRun, why: str) -> TableResult:
    """Return the asset's table without a row, and why."""
    return TableResult(run.table(run.asset).iloc[:0], {"why empty": why})


@table_asset("selloffs.scores", reads=READS, settings=SETTINGS, kinds=("xgboost",))
def scores(run: StageRun) -> TableResult:
    """What models that had not seen a fall said of it, and the one look at the hold-out."""
    panel = load_falls(run)
    if why := why_not(panel, run.config.selloffs):
        return nothing(run, why)
    protocol = fix_fall_protocol(run, panel)
    walk = walked(run, protocol)
    if isinstance(walk, str):
        return nothing(run, walk)
    held = tested_places(panel, protocol, FINAL_BLOCK)
    judged = Panel(panel.rows.iloc[held], panel.X.iloc[held])
    recipe_id = walk.judged.recipe.recipe_id
    record_read(run, protocol.protocol_id, recipe_id, judged, "selloffs.outcomes")
    table = walk.scores
    of_holdout = table[table["is_holdout"]]
    return TableResult(
        table,
        {
            "protocol": protocol.protocol_id,
            "hold-out": f"{protocol.holdout_start} to {protocol.holdout_end}",
            "falls in it": f"{len(of_holdout)} in {of_holdout['session'].nunique()} sessions",
            "falls out of fold": int((~table["is_holdout"]).sum()),
            "purge": "whole sessions before a block; outcomes end in theirs, so no embargo",
            "selected": int((of_holdout["is_selected"] & of_holdout["is_first"]).sum()),
            "learners": ", ".join(walk.judged.recipe.learners),
            "notes": "; ".join(walk.notes) or "none",
            "plot": run.plot("selloff_reliability", "said and observed reversals", scores=table),
        },
    )


@table_asset(
    "selloffs.model", reads=(*READS, "selloffs.scores"), settings=SETTINGS, kinds=("xgboost",)
)
def model(run: StageRun) -> TableResult:
    """The judged model's files, and those of its recipe refitted on every closed outcome."""
    protocol = stored_protocol(run)
    if run.table("selloffs.scores").empty or protocol is None:
        return nothing(run, "no fall was scored: see selloffs.scores")
    walk = walked(run, protocol)
    if isinstance(walk, str):
        return nothing(run, walk)
    training = training_of(run, protocol)
    refitted = training.deployed(walk)
    fitted_from = {"code": run.code_version, **{name: run.hash(name) for name in READS}}
    recipe_id = walk.judged.recipe.recipe_id
    last = f"{training.panel.rows['session_date'].max():%Y%m%d}"
    named = {
        JUDGED: (
            f"falls-{judged_version(recipe_id, protocol.protocol_id, fitted_from)}",
            walk.judged,
        ),
        DEPLOYED: (f"falls-{last}-{digest({'recipe': recipe_id, **fitted_from})[:8]}", refitted),
    }
    table = pd.concat(
        [stored(run, version, one, kind, training.panel) for kind, (version, one) in named.items()],
        ignore_index=True,
    ).assign(protocol_id=protocol.protocol_id)
    return TableResult(
        table,
        {
            "recipe": recipe_id[:12],
            "judged": named[JUDGED][0],
            "deployed": named[DEPLOYED][0],
            "training falls": f"{walk.judged.trained.n_rows}, deployed {refitted.trained.n_rows}",
            "features": len(refitted.features),
            "selected from": f"{walk.judged.threshold_r:.3f} R expected on",
        },
    )


def stored(run: StageRun, version: str, one: SelloffModel, kind: str, panel: Panel) -> pd.DataFrame:
    """Store a model of falls; return its rows of selloffs.model but the protocol."""
    span = panel.rows["session"].between(one.trained.first_session, one.trained.last_session)
    files, trained = one.to_files(), panel.rows[span]
    table = stored_files(run, version, one.recipe, files, trained, one.trained.n_rows)
    return table.assign(kind=kind)


@table_asset(
    "selloffs.metrics",
    reads=(*READS, "selloffs.scores"),
    settings=("selloffs.model", "selloffs.trade", "selloffs.backtest"),
)
def metrics(run: StageRun) -> TableResult:
    """Accuracy, AUC and calibration of the model and its baselines, by regime, with intervals."""
    said, protocol = run.table("selloffs.scores"), stored_protocol(run)
    if said.empty or protocol is None:
        return nothing(run, "no fall was scored: see selloffs.scores")
    n_study = study_size(load_falls(run), protocol)
    table = score_falls(said, n_study, run.config.selloffs).assign(protocol_id=protocol.protocol_id)
    whole = table[(table["span"] == "holdout") & (table["regime"] == ALL_REGIMES)]
    own, trivial, majority = (
        whole[whole["learner"] == name].iloc[0] for name in (MODEL, TRIVIAL, MAJORITY)
    )
    least = run.config.selloffs.model
    return TableResult(
        table,
        {
            "hold-out": f"{own['n_events']} falls in {own['n_sessions']} sessions",
            "assessable": "yes"
            if own["is_assessable"]
            else f"no: it takes {least.min_events} falls, {least.min_sessions} sessions held out",
            "accuracy": f"{_told(own, 'accuracy')}, majority {majority['accuracy']:.3f}",
            "AUC": f"{_told(own, 'auc')}, trivial score {trivial['auc']:.3f}",
            "share that reversed": round(float(own["base_rate"]), 4),
        },
    )


def _told(row: "pd.Series[Any]", name: str) -> str:
    return f"{row[name]:.3f} [{row[f'{name}_low']:.3f}, {row[f'{name}_high']:.3f}]"
