"""Each SQL check of the model of falls passes what the stage makes, and returns the spoiled row."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from trading_pipeline.contracts.vocabulary import PROVENANCE_COLUMNS
from trading_pipeline.domain.drift.score import score_drift
from trading_pipeline.domain.ensemble.explanations import explain, stratified_rows
from trading_pipeline.domain.selloffs.judge import judge_falls, score_falls
from trading_pipeline_tests.domain.test_selloffs_model import (
    CONFIG,
    MADE,
    QUICK,
    evidence_of,
    panel_of,
    training_of,
)

SQL = Path(__file__).parents[2] / "sql"
OWN = ("scores", "model", "metrics", "verdict", "explanations", "drift")
CHECKS = {
    path.stem: path
    for table in OWN
    for path in sorted((SQL / "checks").glob(f"selloff_{table}_*.sql"))
}
MIGRATIONS = ("0011_gate", "0013_selloffs", "0031_selloff_tables", "0032_selloff_model")
ONE = "rowid = (select min(rowid) from selloffs.scores)"
HELD = "rowid = (select max(rowid) from selloffs.scores where is_holdout)"
FAULTS = {
    "selloff_scores_are_possible": [
        f"update selloffs.scores set probability = 1.1 where {ONE}",
        f"update selloffs.scores set trivial_probability = -0.1 where {ONE}",
        f"update selloffs.scores set majority_probability = 'nan' where {ONE}",
        f"update selloffs.scores set expected_r = 'inf' where {ONE}",
        f"update selloffs.scores set risk_tier = 2 where {ONE}",
        f"update selloffs.scores set risk_tier = 1, expected_r = -1 where {ONE}",
        f"update selloffs.scores set label = 2 where {ONE}",
        f"update selloffs.scores set is_holdout = not is_holdout where {ONE}",
        f"update selloffs.scores set session = 0 where {HELD}",
        f"update selloffs.scores set block = 0, is_holdout = true where {ONE}",
        "delete from selloffs.scores where is_holdout",
        f"insert into selloffs.scores select * from selloffs.scores where {ONE}",
    ],
    "selloff_scores_follow_their_outcome": [
        f"update selloffs.scores set label = 1 - label where {ONE}",
        f"update selloffs.scores set r_multiple = r_multiple + 1 where {ONE}",
        f"update selloffs.scores set is_first = not is_first where {ONE}",
        "update selloffs.events set quality = 'lone_tick'",
        "update selloffs.outcomes set status = 'pending'",
    ],
    "selloff_scores_rows_have_provenance": ["update selloffs.scores set run_id = null"],
    "selloff_model_files_are_whole": [
        "delete from selloffs.model where kind = 'judged'",
        "delete from selloffs.model where kind = 'judged' and member = 'falls'",
        "update selloffs.model set kind = 'spare' where kind = 'judged'",
        "update selloffs.model set sha256 = 'short' where member = 'recipe'",
        "update selloffs.model set n_rows = 9000 where kind = 'judged'",
        "update selloffs.model set recipe_id = 'other' where kind = 'judged'",
        "update selloffs.model set model_version = 'other' where member = 'recipe'",
        "update selloffs.model set train_end = '2031-01-01' where kind = 'judged'",
    ],
    "selloff_metrics_are_possible": [
        "update selloffs.metrics set auc = 1.1, auc_high = 1.2 where learner = 'model'",
        "update selloffs.metrics set ece = -0.1 where learner = 'model'",
        "update selloffs.metrics set accuracy_low = accuracy + 0.01 where learner = 'model'",
        "update selloffs.metrics set auc_high = auc - 0.01 where learner = 'model'",
        "update selloffs.metrics set n_sessions = n_events + 1 where learner = 'model'",
        "update selloffs.metrics set n_study = n_events - 1 where learner = 'model'",
        "update selloffs.metrics set base_rate = 1.5 where learner = 'model'",
        "delete from selloffs.metrics where learner = 'trivial'",
        "update selloffs.metrics set learner = 'model'",
        "update selloffs.metrics set span = 'other'",
        "update selloffs.metrics set n_events = 1, n_sessions = 1 where regime = 'all'",
    ],
    "selloff_verdict_follows_criteria": [
        "update selloffs.verdicts set verdict = 'promoted'",
        "update selloffs.verdicts set verdict = 'rejected' where position = 3",
        "update selloffs.verdicts set position = 1",
        "update selloffs.verdicts set is_passed = false where criterion = 'latency_ms'",
        "update selloffs.verdicts set is_passed = true where criterion = 'gain_r'",
        "delete from selloffs.verdicts where criterion = 'events'",
    ],
    "selloff_explanations_add_up": [
        "update selloffs.explanations set importance = -importance",
        "update selloffs.explanations set share_frac = 0.9 where rank = 1",
        "update selloffs.explanations set rank = 90 where rank = 2",
        "update selloffs.explanations set feature = 'hour'",
    ],
    "selloff_explanations_signs_follow": [
        "update selloffs.explanations set relation = 1.1 where sign = 1",
        "update selloffs.explanations set is_assessable = false where sign = 1",
        "update selloffs.explanations set sign = 0 where sign = 1",
        "update selloffs.explanations set is_flipped = true where feature = 'volume_ratio'",
    ],
    "selloff_drift_measures_in_range": [
        "update selloffs.drift set psi = -1",
        "update selloffs.drift set ks = 2 where feature = 'hour'",
        "update selloffs.drift set is_drifted = true, threshold = null",
        "update selloffs.drift set status = 'drifted'",
        "update selloffs.drift set feature = 'hour'",
    ],
}


def files_of(kind, model, n_rows, end):
    return pd.DataFrame(
        {
            "kind": kind,
            "model_version": f"falls-{kind}",
            "recipe_id": model.recipe.recipe_id,
            "member": [name.rsplit(".", 1)[0] for name in model.to_files()],
            "path": "models/x",
            "sha256": "a" * 64,
            "n_bytes": 10,
            "params_json": "{}",
            "n_features": len(model.features),
            "n_rows": n_rows,
            "train_start": pd.Timestamp("2023-06-29"),
            "train_end": end,
            "protocol_id": "p",
        }
    )


@pytest.fixture(scope="module")
def warehouse():
    """A database with what the stage makes of made falls."""
    panel = panel_of()
    walk = training_of(panel).walk()
    drawn, stands_for = stratified_rows(panel.rows, 100, 7)
    parts = panel.X.iloc[drawn].reset_index(drop=True), panel.rows.iloc[drawn]
    keyed = pd.concat([panel.rows[["session_date", "session"]], panel.X], axis=1)
    middle = keyed["session"].median()
    drift = CONFIG.drift.model_copy(update={"bootstrap_samples": 20, "window_sessions": 5})
    is_old = keyed["session"] < middle
    names = ["hour", "volume_ratio", "half_spread_bps"]
    last = panel.rows["session_date"].max()
    made = {
        "selloffs.events": MADE.events,
        "selloffs.outcomes": MADE.outcomes,
        "selloffs.scores": walk.scores,
        "selloffs.metrics": score_falls(walk.scores, 10_000, QUICK).assign(protocol_id="p"),
        "selloffs.model": pd.concat(
            [
                files_of("judged", walk.judged, 100, last - pd.Timedelta(days=30)),
                files_of("deployed", walk.judged, 200, last),
            ]
        ),
        "selloffs.verdicts": judge_falls(
            evidence_of(walk, QUICK), QUICK.model, CONFIG.gate
        ).frame(),
        "selloffs.explanations": explain(
            walk.judged.members,
            parts[0],
            parts[1].reset_index(drop=True),
            stands_for,
            1,
            CONFIG.gate,
        ).assign(model_version="v", protocol_id="p"),
        "selloffs.drift": score_drift(keyed[is_old], keyed[~is_old], names, drift, "v")[0],
    }
    with duckdb.connect(config={"threads": 1}) as connection:
        for name in MIGRATIONS:
            connection.execute((SQL / f"migrations/{name}.sql").read_text())
        for table, frame in made.items():
            connection.register("given", frame.assign(**dict.fromkeys(PROVENANCE_COLUMNS, "made")))
            connection.execute(f"insert into {table} by name select * from given")
        yield connection


def offending(connection, name):
    return connection.execute(CHECKS[name].read_text()).fetchall()


def test_every_check_has_a_fault_that_it_must_catch():
    assert set(CHECKS) == set(FAULTS)


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_what_the_stage_makes_passes(warehouse, name):
    assert offending(warehouse, name) == []


@pytest.mark.parametrize(
    ("name", "fault"), [(name, fault) for name, faults in FAULTS.items() for fault in faults]
)
def test_a_fault_is_found(warehouse, name, fault):
    warehouse.execute("begin")
    try:
        warehouse.execute(fault)
        assert offending(warehouse, name)
    finally:
        warehouse.execute("rollback")
