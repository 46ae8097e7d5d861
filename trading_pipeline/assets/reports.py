"""Reports stage: the HTML report of a run, and the run's record in MLflow.

everything judged, reports.cards  ->  reports.runs  ->  reports.tracking;  every run  ->  its line
"""

import json
from typing import Any

import dagster as dg
import pandas as pd

from trading_pipeline.assets.bars import coverage_months
from trading_pipeline.assets.reality import reality
from trading_pipeline.assets.selloff_pictures import gallery
from trading_pipeline.assets.selloffs_tracking import fall_record, flat
from trading_pipeline.assets.service import roles
from trading_pipeline.assets.table_asset import STEP_TAG, table_asset
from trading_pipeline.assets.training import protocol_in_force
from trading_pipeline.contracts.report import ReportPayload
from trading_pipeline.contracts.steps import step_of
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.contracts.tracking import IntervalMetric, LearnerRecord, TrackingRecord
from trading_pipeline.contracts.vocabulary import STAGES
from trading_pipeline.domain.ensemble.stack import STACK
from trading_pipeline.domain.regimes.broad_index import broad_index
from trading_pipeline.domain.selloffs.backtest import offered_falls
from trading_pipeline.domain.selloffs.edge import edge_verdict
from trading_pipeline.domain.sweeps.search import failed_learners
from trading_pipeline.resources import StageRun

REPORTED = (
    "bars.universe",
    "bars.quarantine",
    "regimes.market",
    "memory.rare_events",
    "memory.archive",
    "features.catalog",
    "features.selected",
    "labels.direction",
    "splits.folds",
    "splits.holdout",
    "sweeps.trials",
    "ensemble.oof",
    "ensemble.holdout",
    "ensemble.scores",
    "ensemble.validation",
    "ensemble.explanations",
    "ensemble.effects",
    "ensemble.deployed",
    "backtest.trades",
    "backtest.equity",
    "backtest.summary",
    "backtest.evidence",
    "backtest.sensitivity",
    "backtest.drawdowns",
    "backtest.monthly",
    "gate.verdicts",
    "reports.cards",
    "outcomes.tracking",
    "drift.features",
    "drift.sessions",
    "drift.predictions",
    "drift.regimes",
    "drift.episodes",
    "selloffs.events",
    "selloffs.features",
    "selloffs.outcomes",
    "selloffs.scores",
    "selloffs.metrics",
    "selloffs.verdicts",
    "selloffs.backtest",
    "selloffs.equity",
    "bars.minute",
)


def build_payload(run: StageRun) -> ReportPayload:
    """Return everything the report shows."""
    bars = run.read(
        "select daily.* from bars.daily as daily join bars.universe using (symbol) where is_index"
    )
    universe = run.table("bars.universe")
    index_bars, index_name = broad_index(bars if len(bars) else run.table("bars.daily"), universe)
    protocol = protocol_in_force(run)
    verdict_rows = run.table("gate.verdicts")
    verdict_rows["value"] = verdict_rows["value"].fillna(1000.0 * verdict_rows["seconds"])
    deployed = run.table("ensemble.deployed").iloc[0]
    as_of = run.read("select max(session_date) as d from bars.daily")["d"].iloc[0]
    config = run.config
    ledger = run.warehouse.materializations()
    selloffs = run.table("selloffs.events")
    edges = run.table("splits.holdout").iloc[0]
    holdout = {str(name): value for name, value in edges.items()}
    return ReportPayload(
        run={
            "run_id": run.run_id,
            "source": config.source.kind,
            "profile": config.profile,
            "as_of": f"{as_of:%Y-%m-%d} 18:00 New York",
            "config_version": run.config_version,
            "code_version": run.code_version,
            "data_version": run.hash("bars.daily"),
            "model_version": deployed["model_version"],
            "card": str(run.table("reports.cards")["path"].iloc[0]).rpartition("/")[2],
            "seeds": f"sweeps {config.sweeps.seed}, ensemble {config.ensemble.seed}",
            "commands": (
                f"trading-pipeline retrain --from-config {run.config_version} --home {run.home}",
            ),
        },
        reality=(*reality(run), f"Broad index: {index_name}."),
        notes=selloff_notes(run, selloffs),
        coverage=universe,
        coverage_months=coverage_months(run),
        quarantine=run.table("bars.quarantine"),
        index_bars=index_bars,
        regimes=run.table("regimes.market"),
        events=run.table("memory.rare_events"),
        archive=run.read("select event, event_regime, label from memory.archive"),
        catalog=run.table("features.catalog").query("stage == 'daily'"),
        selected=run.table("features.selected"),
        labels=run.read("select session_date, label from labels.direction"),
        folds=run.renderer.fold_blocks(
            run.read("select distinct fold, session_date, role from splits.folds"),
            protocol.record(),
        ),
        protocol={**protocol.record(), **holdout},
        holdout_reads=run.table_whole("splits.holdout_reads"),
        trials=run.table("sweeps.trials"),
        oof=run.table("ensemble.oof"),
        holdout=run.table("ensemble.holdout"),
        scores=run.table("ensemble.scores"),
        validation=run.table("ensemble.validation"),
        explanations=run.table("ensemble.explanations"),
        effects=run.table("ensemble.effects"),
        equity=run.table("backtest.equity"),
        summary=run.table("backtest.summary"),
        trades=run.table("backtest.trades"),
        evidence=run.table("backtest.evidence"),
        sensitivity=run.table("backtest.sensitivity"),
        drawdowns=run.table("backtest.drawdowns"),
        monthly=run.table("backtest.monthly"),
        tracking=run.table("outcomes.tracking"),
        drift_features=run.table("drift.features"),
        drift_sessions=run.table("drift.sessions"),
        drift_predictions=run.table("drift.predictions"),
        drift_regimes=run.table("drift.regimes"),
        episodes=run.table("drift.episodes"),
        selloffs=selloffs,
        **selloff_worth(run, selloffs),
        verdict=str(verdict_rows["verdict"].iloc[0]),
        verdict_rows=verdict_rows,
        stages=pd.DataFrame(
            [
                {
                    "stage": stage,
                    "seconds": sum(m.seconds for name, m in ledger.items() if _of(name, stage)),
                    "rows": sum(m.n_rows for name, m in ledger.items() if _of(name, stage)),
                }
                for stage in STAGES
                if stage != "reports"
            ]
        ),
    )


def selloff_notes(run: StageRun, events: pd.DataFrame) -> dict[str, str]:
    """Return why parts of the section on falls are empty."""
    if not run.read("select 1 as one from bars.minute limit 1").empty:
        reason = "no fall reached a rung" if events.empty else "no model has scored a fall"
        return {"selloffs": reason, "selloff_scores": reason}
    return {"selloffs": "no minute bars in the span"}


def selloff_worth(run: StageRun, events: pd.DataFrame) -> dict[str, Any]:
    """Return what the report shows of the worth of falls; the gallery is out of sample."""
    outcomes, curve = run.table("selloffs.outcomes"), run.table("selloffs.equity")
    scores, comparison = run.table("selloffs.scores"), run.table("selloffs.backtest")
    offered = offered_falls(scores, events)
    pictures = gallery(run, events, outcomes, None if offered.empty else offered)
    scored = run.table("selloffs.metrics")
    n_study = int(scored["n_study"].max()) if len(scored) else 0
    found = edge_verdict(comparison, curve, n_study, run.config.selloffs)
    criteria = run.table("selloffs.verdicts")
    criteria["value"] = criteria["value"].fillna(1000.0 * criteria["seconds"])
    return {
        "selloff_features": run.table("selloffs.features"),
        "selloff_verdict": "" if events.empty else found.words,
        "selloff_scores": scores,
        "selloff_metrics": scored,
        "selloff_criteria": criteria,
        "selloff_backtest": comparison,
        "selloff_equity": curve,
        "selloff_offered": offered,
        "selloff_trades": pictures["falls"],
        "selloff_minutes": pictures["minutes"],
    }


def _of(table: str, stage: str) -> bool:
    return table.startswith(f"{stage}.")


# Nothing computes it: each run, of any job, appends its line when it ends.
training_log = dg.AssetsDefinition(
    specs=[
        dg.AssetSpec(
            ["reports", "training_log"],
            group_name="reports",
            kinds={"duckdb"},
            tags={STEP_TAG: step_of("reports.training_log").tag},
            description="One line per run: when, how long, which tables, versions, verdict;"
            " `trading-pipeline history` shows it.",
        )
    ]
)


@table_asset("reports.runs", reads=REPORTED, kinds=("jinja", "html"))
def runs(run: StageRun) -> TableResult:
    """One self-contained HTML file: what is real, what was judged, and why."""
    payload = build_payload(run)
    version = str(payload.run["model_version"])
    path = run.write_report(f"report-{version}.html", run.renderer.report(payload))
    row = {
        "path": path.as_posix(),
        "as_of_date": pd.Timestamp(str(payload.run["as_of"])[:10]),
        "model_version": version,
        "verdict": payload.verdict,
    }
    size = (run.home / path).stat().st_size
    return TableResult(
        pd.DataFrame([row]),
        {
            "report": str(run.home / path),
            "kilobytes": round(size / 1024),
            "verdict": str(payload.verdict),
            "what is real": payload.reality[0],
        },
    )


@table_asset(
    "reports.tracking",
    reads=(
        "reports.runs",
        "ensemble.deployed",
        "ensemble.scores",
        "sweeps.trials",
        "selloffs.model",
        "selloffs.metrics",
        "selloffs.verdicts",
    ),
    settings=("tracking",),
    kinds=("mlflow",),
)
def tracking(run: StageRun) -> TableResult:
    """The run in MLflow: parameters, scores, figures, report, native files; or why it is not.

    The model of falls, where there is one, is a run and a registered model of its own.
    """
    records = [build_record(run)]
    if (of_falls := fall_record(run)) is not None:
        records.append(of_falls)
    rows = [tracked(run, record) for record in records]
    # Earlier versions stay: a roll-back moves MLflow's alias to one of them.
    earlier = run.table("reports.tracking")[list(rows[0])]
    earlier = earlier[~earlier["model_version"].isin([row["model_version"] for row in rows])]
    return TableResult(
        pd.DataFrame([*rows, *earlier.to_dict("records")]),
        {
            "state": rows[0]["state"],
            "detail": rows[0]["detail"],
            "model version": rows[0]["model_version"],
            "model of falls": rows[1]["model_version"] if len(rows) > 1 else "none",
        },
    )


def tracked(run: StageRun, record: TrackingRecord) -> dict[str, Any]:
    """Tell MLflow of a model; return its row of reports.tracking."""
    result = run.track(record)
    if result.state != "logged":
        run.log.warning(f"MLflow is {result.state}: {result.detail}")
    return {
        "state": result.state,
        "detail": result.detail,
        "mlflow_run_id": result.mlflow_run_id,
        "mlflow_model_version": result.mlflow_model_version,
        "model_version": record.run_name,
    }


def build_record(run: StageRun) -> TrackingRecord:
    """Return what MLflow is told of a retrain."""
    settings = run.config.tracking
    scores = run.table("ensemble.scores")
    own = scores[(scores["learner"] == STACK)]
    summary = run.table("backtest.summary").dropna(subset=["value"])
    report = run.table("reports.runs").iloc[0]
    trials = run.table("sweeps.trials")
    deployed = run.table("ensemble.deployed").iloc[0]
    holdout = run.table("ensemble.holdout")
    held = roles(run)
    return TrackingRecord(
        home=run.home,
        run_name=str(deployed["model_version"]),
        experiment=settings.experiment,
        registered_model=settings.registered_model,
        uri=settings.uri,
        is_enabled=settings.enabled,
        timeout_seconds=settings.timeout_seconds,
        alias="champion" if held["champion"] == deployed["model_version"] else "challenger",
        tags={
            "config_version": run.config_version,
            "code_version": run.code_version,
            "data_version": run.hash("bars.daily"),
            "protocol_id": str(deployed["protocol_id"]),
            "recipe_id": str(deployed["recipe_id"]),
            "verdict": str(report["verdict"]),
            "dagster_run_id": run.run_id,
        },
        params=flat(run.setting("splits") | run.setting("ensemble") | run.setting("sampling")),
        metrics={str(r.metric): float(str(r.value)) for r in summary.itertuples()},
        holdout={
            f"{metric}_{row['regime']}": IntervalMetric(
                row[metric], row[f"{metric}_low"], row[f"{metric}_high"]
            )
            for row in own.to_dict("records")
            for metric in ("auc", "rank_ic")
        },
        learners=tuple(_learner(name, part) for name, part in trials.groupby("learner")),
        figures={
            "equity.svg": run.renderer.plot("equity", equity=run.table("backtest.equity")),
            "roc.svg": run.renderer.plot("roc", holdout=holdout),
            "calibration.svg": run.renderer.plot("calibration", holdout=holdout),
            "scores.svg": run.renderer.plot("scores", scores=scores),
            "sweeps.svg": run.renderer.plot("sweep_history", trials=trials),
        },
        report=run.home / str(report["path"]),
        model_dir=run.home / "models" / str(deployed["model_version"]),
    )


def _learner(name: object, trials: pd.DataFrame) -> LearnerRecord:
    final = trials[(trials["block"] == 0) & trials["auc"].notna()].sort_values(
        ["auc", "trial"], ascending=[False, True]
    )
    if final.empty:
        failed = failed_learners(trials)[str(name)]
        return LearnerRecord(str(name), {"failed": failed}, {"trials": float(len(trials))})
    best = final.iloc[0]
    return LearnerRecord(
        name=str(name),
        params=flat(json.loads(best["params_json"])) | {"rounds": str(best["best_round"])},
        metrics={"inner_auc": float(best["auc"]), "trials": float(len(trials))},
        fold_scores={"inner_fold_auc": tuple(json.loads(best["fold_scores_json"]))},
    )
