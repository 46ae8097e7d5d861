"""Each SQL check of the ensemble passes what the stage makes, and returns the spoiled row."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from trading_pipeline.contracts.vocabulary import PROVENANCE_COLUMNS
from trading_pipeline.domain.ensemble.explanations import NATIVE
from trading_pipeline_tests.domain import test_effects
from trading_pipeline_tests.domain.test_explanations import explained
from trading_pipeline_tests.domain.test_validation import GATE, scored

SQL = Path(__file__).parents[2] / "sql"
CHECKS = {path.stem: path for path in sorted((SQL / "checks").glob("ensemble_*.sql"))}
MIGRATIONS = ("0004_memory", "0009_ensemble", "0023_explanations", "0028_effects")
OF_TURNS = "feature = 'turns' and learner = 'mean' and regime = 'normal'"
FAULTS = {
    "ensemble_effects_are_possible": [
        "update ensemble.effects set auc_on = 1.1, difference = 1.1 - auc_off",
        "update ensemble.effects set auc_off = auc_off + 0.01",
        "update ensemble.effects set difference_low = difference + 0.01",
        "update ensemble.effects set difference_high = null",
        "update ensemble.effects set n_sessions = n_rows + 1",
        "update ensemble.effects set is_assessable = not is_assessable",
        "update ensemble.effects set finding = 'helps' where finding = 'unclear'",
        "delete from ensemble.effects where regime = 'all'",
        "update ensemble.effects set acts = not acts where regime = 'all'",
        "update ensemble.effects set regime = 'all'",
    ],
    "ensemble_effects_rows_have_provenance": ["update ensemble.effects set run_id = null"],
    "ensemble_explanations_add_up": [
        "update ensemble.explanations set importance = -importance",
        "update ensemble.explanations set share_frac = 0.9 where rank = 1",
        "update ensemble.explanations set rank = 9 where rank = 2",
        "update ensemble.explanations set rank = 3 - rank where rank < 3",
        "update ensemble.explanations set feature = 'turns'",
        f"update ensemble.explanations set n_rows = n_rows + 1 where {OF_TURNS}",
        f"delete from ensemble.explanations where {OF_TURNS}",
    ],
    "ensemble_explanations_signs_follow": [
        f"update ensemble.explanations set is_flipped = false where {OF_TURNS}",
        "update ensemble.explanations set is_flipped = true where feature = 'steady'",
        f"update ensemble.explanations set is_assessable = false where {OF_TURNS}",
        f"update ensemble.explanations set relation_low = -0.1 where {OF_TURNS}",
        "update ensemble.explanations set sign = 0 where sign = 1",
        "update ensemble.explanations set relation = 1.1 where sign = 1",
        f"delete from ensemble.explanations where {OF_TURNS}",
    ],
    "ensemble_explanations_rows_have_provenance": [
        "update ensemble.explanations set code_version = null"
    ],
    "ensemble_validation_has_five_sets": [
        "delete from ensemble.validation where regime = 'recovery'",
        "insert into ensemble.validation from ensemble.validation where regime = 'normal'",
        "update ensemble.validation set source = 'window' where regime = 'crash'",
    ],
    "ensemble_validation_rows_have_provenance": ["update ensemble.validation set run_id = null"],
    "ensemble_validation_scores_are_possible": [
        "update ensemble.validation set auc = 1.1",
        "update ensemble.validation set ece = -0.1",
        "update ensemble.validation set accuracy_low = accuracy + 0.01",
        "update ensemble.validation set calibration_slope_high = calibration_slope - 1",
        "update ensemble.validation set auc_high = null",
        "update ensemble.validation set n_sessions = n_rows + 1",
        "update ensemble.validation set is_assessable = true",
        "update ensemble.validation set events = 'alpha_2020' where regime = 'normal'",
        "update ensemble.validation set events = '' where regime = 'crash'",
        "update memory.rare_events set regime = 'recovery'",
        "delete from memory.rare_events",
    ],
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    """A database with what the stage makes of a made market."""
    # An in-memory database is itself named `memory`, as one of the schemas is.
    file = tmp_path_factory.mktemp("checks") / "warehouse.duckdb"
    with duckdb.connect(str(file), config={"threads": 1}) as connection:
        for name in MIGRATIONS:
            connection.execute((SQL / f"migrations/{name}.sql").read_text())
        made = {
            "ensemble.explanations": explained().assign(model_version="v", protocol_id="p"),
            "ensemble.effects": test_effects.effects(),
            "ensemble.validation": scored().assign(protocol_id="p"),
            "memory.rare_events": pd.DataFrame(
                {
                    "event": ["zeta_2008", "alpha_2020"],
                    "first_date": pd.Timestamp("2020-01-01"),
                    "last_date": pd.Timestamp("2020-02-01"),
                    "regime": "crash",
                    "weight": 0.5,
                    "catalogue_version": "v",
                    "n_sessions": 20,
                    "n_symbols": 10,
                }
            ),
        }
        for table, frame in made.items():
            connection.register("given", frame.assign(**dict.fromkeys(PROVENANCE_COLUMNS, "made")))
            connection.execute(f"insert into {table} by name select * from given")
        yield connection


def offending(connection, name):
    """Return the rows a check finds, binding the parameter it names."""
    sql = CHECKS[name].read_text()
    params = {"min_horizons": GATE.min_horizons} if "$min_horizons" in sql else None
    return connection.execute(sql, params).fetchall()


def test_every_check_has_a_fault_that_it_must_catch(warehouse):
    assert set(CHECKS) == set(FAULTS)
    (learners,) = warehouse.execute(
        "select count(distinct learner) from ensemble.explanations"
    ).fetchone()
    assert learners == len(NATIVE) + 1


@pytest.mark.parametrize("name", CHECKS)
def test_a_sound_table_passes(warehouse, name):
    assert offending(warehouse, name) == []


@pytest.mark.parametrize(
    ("name", "fault"), [(name, fault) for name, faults in FAULTS.items() for fault in faults]
)
def test_a_fault_is_caught(warehouse, name, fault):
    warehouse.execute("begin")
    try:
        warehouse.execute(fault)
        assert offending(warehouse, name)
    finally:
        warehouse.execute("rollback")
