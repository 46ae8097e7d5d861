"""Cards of models: what each judged version is, what it was tried on, and what it cannot do.

ensemble.deployed, ensemble.scores, backtest.summary, gate.verdicts  ->  reports.cards
"""

import json

import pandas as pd

from trading_pipeline.assets.reality import reality
from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.contracts.report import ModelCard
from trading_pipeline.contracts.tables import Markdown, TableResult
from trading_pipeline.domain.sweeps.search import failed_learners
from trading_pipeline.resources import StageRun


def card_of(run: StageRun) -> ModelCard:
    """Return the card of the newest challenger."""
    deployed, judged = run.table("ensemble.deployed"), run.table("ensemble.model")
    own, first = deployed.iloc[0], judged.iloc[0]
    verdicts, edges = run.table("gate.verdicts"), run.table("splits.holdout").iloc[0]
    reads = run.read(
        "select count(*) as n from splits.holdout_reads where protocol_id = $protocol_id",
        protocol_id=str(own["protocol_id"]),
    )
    recipe = json.loads(run.load_model(str(own["model_version"]))["recipe.json"])
    features = {name for member in recipe["members"] for name in member["features"]}
    failed = failed_learners(run.table("sweeps.trials"))
    return ModelCard(
        model_version=str(own["model_version"]),
        verdict=str(verdicts["verdict"].iloc[0]),
        facts={
            "recipe": str(own["recipe_id"]),
            "judged as": str(first["model_version"]),
            "judged model trained on": _span(first),
            "this version trained on": _span(own),
            "features": f"{len(features)}",
            "target": f"{run.config.labels.target}, {run.config.labels.horizon_sessions} sessions",
            "protocol": str(own["protocol_id"]),
            "hold-out": f"{edges['holdout_start']:%Y-%m-%d} to {edges['holdout_end']:%Y-%m-%d}, "
            f"{int(edges['n_sessions'])} sessions, {int(edges['n_rows']):,} rows",
            "hold-out reads": str(int(reads["n"].iloc[0])),
            "size": f"{float(deployed['n_bytes'].sum()) / 1e6:.2f} MB in {len(deployed)} files",
        },
        members=deployed,
        scores=run.table("ensemble.scores"),
        figures=run.table("backtest.summary"),
        verdict_rows=verdicts,
        limits=tuple(f"{name} failed and is left out: {why}" for name, why in failed.items()),
    )


@table_asset(
    "reports.cards",
    reads=(
        "ensemble.deployed",
        "ensemble.model",
        "ensemble.scores",
        "backtest.summary",
        "gate.verdicts",
        "splits.holdout",
        "sweeps.trials",
    ),
    settings=("labels",),
    kinds=("markdown",),
)
def cards(run: StageRun) -> TableResult:
    """The model card: spans, learners, scores by regime, verdict, baselines, known limits."""
    card = card_of(run)
    text = run.renderer.card(card)
    whole = run.renderer.card_with_versions(
        text,
        reality(run),
        {
            "run": run.run_id,
            "settings": run.config_version,
            "code": run.code_version,
            "data": run.hash("bars.daily"),
        },
    )
    path = run.write_report(f"card-{card.model_version}.md", whole)
    row = {
        "model_version": card.model_version,
        "recipe_id": card.facts["recipe"],
        "protocol_id": card.facts["protocol"],
        "verdict": card.verdict,
        "path": path.as_posix(),
        "card": text,
    }
    earlier = run.table("reports.cards")[list(row)]
    earlier = earlier[earlier["model_version"] != card.model_version]
    return TableResult(
        pd.DataFrame([row, *earlier.to_dict("records")]),
        {
            "model version": card.model_version,
            "verdict": card.verdict,
            "file": str(run.home / path),
            "card": Markdown(whole),
        },
    )


def _span(row: pd.Series) -> str:
    return (
        f"{row['train_start']:%Y-%m-%d} to {row['train_end']:%Y-%m-%d}, {int(row['n_rows']):,} rows"
    )
