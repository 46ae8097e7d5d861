"""Ensemble stage: why the judged model says what it says, and its worth by regime.

ensemble.model  ->  ensemble.explanations;  ensemble.oof, archive  ->  ensemble.validation
Both know the training span alone: the hold-out stays closed.
"""

import numpy as np
import pandas as pd

from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.assets.training import (
    TRAINING_READS,
    TRAINING_SETTINGS,
    TrainingSpan,
    training_fingerprint,
)
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.contracts.vocabulary import UNKNOWN_REGIME
from trading_pipeline.domain.ensemble.explanations import MEAN, NATIVE, explain, stratified_rows
from trading_pipeline.domain.ensemble.fitting import (
    failures_of,
    fitting_device,
    left_out_words,
)
from trading_pipeline.domain.ensemble.members import (
    fit_those_that_can,
    members_from_bytes,
    predict_base,
)
from trading_pipeline.domain.ensemble.path import window_rows
from trading_pipeline.domain.ensemble.scores import ALL_REGIMES
from trading_pipeline.domain.ensemble.stack import STACK, second_level, wide_oof
from trading_pipeline.domain.ensemble.training import training_set
from trading_pipeline.domain.ensemble.validation import (
    SCORED,
    HeldOutEvent,
    held_out_events,
    score_validation,
    stacked_event,
    window_predictions,
    without_event,
)
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK
from trading_pipeline.resources import StageRun


@table_asset(
    "ensemble.explanations",
    reads=(*TRAINING_READS, "features.selected", "ensemble.model"),
    settings=("explanations", "gate", "ensemble.seed", "features", *TRAINING_SETTINGS),
    kinds=("lightgbm", "xgboost", "catboost"),
    fingerprint=lambda run: training_fingerprint(run, "features.selected", "ensemble.model"),
)
def explanations(run: StageRun) -> TableResult:
    """Importance of every feature and the sign of its relation, over all rows and by regime.

    Of the model's own training rows, each once and unweighted.
    """
    span = TrainingSpan.load(run)
    version = str(run.read("select any_value(model_version) as v from ensemble.model")["v"].iloc[0])
    recipe, members, _ = members_from_bytes(
        run.load_model(version), threads=run.config.runtime.threads
    )
    left_out = [name for name in recipe.learners if name not in NATIVE]
    if len(left_out) == len(recipe.learners):
        why = f"none of {', '.join(left_out)} gives contributions of its own"
        return TableResult(run.table("ensemble.explanations").iloc[:0], {"why empty": why})
    trained = span.candidates(FINAL_BLOCK).rows
    drawn, stands_for = stratified_rows(
        span.panel.rows.iloc[trained],
        run.config.explanations.rows_per_regime,
        run.config.ensemble.seed,
    )
    chosen = trained[drawn]
    table = explain(
        members,
        span.panel.X.iloc[chosen].reset_index(drop=True),
        span.panel.rows.iloc[chosen].reset_index(drop=True),
        stands_for,
        run.config.labels.horizon_sessions,
        run.config.gate,
    ).assign(model_version=version, protocol_id=span.protocol.protocol_id)
    of_mean = table[table["learner"] == MEAN]
    whole = of_mean[of_mean["regime"] == ALL_REGIMES]
    by_regime = of_mean.drop_duplicates("regime")
    flipped = sorted(of_mean.loc[of_mean["is_flipped"], "feature"].unique())
    return TableResult(
        table,
        {
            "model version": version,
            "rows explained": len(chosen),
            "most important": ", ".join(whole["feature"].head(5)),
            "assessable": ", ".join(by_regime.loc[by_regime["is_assessable"], "regime"]) or "none",
            "signs that flip": ", ".join(flipped) or "none",
            "learners without contributions": ", ".join(left_out) or "none",
            "plot": run.plot("importance", "importance by regime", explanations=table),
        },
    )


@table_asset(
    "ensemble.validation",
    reads=(*TRAINING_READS, "ensemble.oof", "sweeps.best", "features.selected"),
    settings=("validation", "ensemble", "features", "gate", *TRAINING_SETTINGS),
    kinds=("lightgbm", "xgboost", "catboost"),
    fingerprint=lambda run: training_fingerprint(
        run, "ensemble.oof", "sweeps.best", "features.selected"
    ),
)
def validation(run: StageRun) -> TableResult:
    """Accuracy, AUC and calibration by regime: rolling window, and each rare event left out."""
    span = TrainingSpan.load(run)
    oof, rows = run.table("ensemble.oof"), span.panel.rows
    first = int(window_rows(span.panel, span.candidates(FINAL_BLOCK))["session"].min())
    parts = [window_predictions(oof, rows, first)]
    notes = {}
    if run.config.validation.leave_events_out:
        searched = {b: span.opens[b] for b in span.blocks if b != FINAL_BLOCK}
        archive = run.read("select event, event_regime, symbol, session from memory.archive")
        held = held_out_events(rows, archive, searched, span.protocol.holdout_opens)
        best, wide = run.table("sweeps.best"), wide_oof(oof, rows)
        for done, one in enumerate(held, start=1):
            predicted, notes[one.event] = predicted_event(span, one, best, wide)
            parts.append(predicted)
            run.advance(done, len(held), "events left out")
    table = score_validation(
        pd.concat(parts, ignore_index=True),
        sorted(oof["learner"].unique()),
        run.config.labels.horizon_sessions,
        run.config.gate,
    ).assign(protocol_id=span.protocol.protocol_id)
    stacked = table[table["learner"] == STACK]
    return TableResult(
        table,
        {
            **{
                row["regime"]: (
                    f"AUC {row['auc']:.4f} [{row['auc_low']:.4f}, {row['auc_high']:.4f}]"
                    if row["is_assessable"]
                    else f"not assessable ({row['n_horizons']:.1f} horizons)"
                )
                for row in stacked.to_dict("records")
            },
            **notes,
            "plot": run.plot("validation", "AUC by regime with intervals", validation=table),
        },
    )


def predicted_event(
    span: TrainingSpan, held: HeldOutEvent, best: pd.DataFrame, wide: pd.DataFrame
) -> tuple[pd.DataFrame, str]:
    """Fit without a rare event and predict it; return its rows and how that was done.

    Features and parameters are those that the search found before the event began.
    """
    config = span.run.config
    tested = span.panel.rows.iloc[held.rows].assign(event=held.event)
    unscored = tested.iloc[:0].reindex(columns=[*SCORED, "learner", "probability"])
    if held.block is None:
        return unscored, "not scored: it began before the first search ended"
    clean = without_event(
        span.candidates(FINAL_BLOCK), span.panel.rows, held, span.protocol.embargo_sessions
    )
    chosen = training_set(
        span.panel, clean, config.sampling, config.memory, seed=config.ensemble.seed
    )
    recipe = span.recipe(held.block, best, span.selected(held.block)).keeping(set(wide.columns))
    members, errors = fit_those_that_can(
        recipe,
        span.panel.X.iloc[chosen.rows],
        span.panel.label[chosen.rows],
        chosen.weights,
        threads=config.runtime.threads,
        device=fitting_device(config.runtime),
    )
    if errors:
        # The second level knows all of them: without one it says nothing of this event.
        return unscored, f"not scored: {left_out_words(failures_of(errors))}"
    base = predict_base(members, span.panel.X.iloc[held.rows])
    regime = tested["regime"].replace(UNKNOWN_REGIME, np.nan).to_numpy(object)
    stacked, is_fitted = stacked_event(
        base, regime, wide, held, kind=second_level(config.ensemble), seed=config.ensemble.seed
    )
    base.insert(0, STACK, stacked)
    keys = tested.assign(regime=held.regime)[SCORED]
    predicted = [keys.assign(learner=str(name), probability=base[name]) for name in base]
    level = "fitted on earlier blocks" if is_fitted else "the learners' mean"
    note = (
        f"{len(tested):,} rows; parameters of block {held.block}; "
        f"{len(clean.rows):,} rows clear of it train; second level: {level}"
    )
    return pd.concat(predicted, ignore_index=True), note
