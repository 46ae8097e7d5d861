"""Each SQL check of the searches passes what they make, and returns the row that was spoiled."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest

CHECKS = {
    path.stem: path.read_text()
    for path in sorted((Path(__file__).parents[2] / "sql/checks").glob("sweeps_*.sql"))
}
FAULTS = {
    "sweeps_trials_are_possible": [
        "insert into sweeps.trials from sweeps.trials limit 1",
        "update sweeps.trials set state = 'lost' where trial = 1",
        "update sweeps.trials set auc = 1.5 where trial = 0",
        "update sweeps.trials set auc = 0.5 where trial = 1",
        "update sweeps.trials set best_round = null where trial = 0",
        "update sweeps.trials set best_round = 0 where trial = 0",
        "update sweeps.trials set turnover = 2.1 where trial = 0",
        "update sweeps.trials set turnover = 1.0 where trial = 1",
        "update sweeps.trials set profit_frac = 0.02 where trial = 0",
        "update sweeps.trials set profit_frac = 0.001 where trial = 1",
        "update sweeps.trials set gross_frac = null where trial = 0",
        "update sweeps.trials set origin = 'friend' where trial = 0",
        "update sweeps.trials set n_rows = 0",
        "update sweeps.trials set seconds = -1",
    ],
    "sweeps_best_are_complete_trials": [
        "update sweeps.best set trial = 1 where learner = 'svm'",
        "update sweeps.best set trial = 9 where learner = 'svm'",
        "update sweeps.best set auc = 0.7 where learner = 'svm'",
        "update sweeps.best set gross_frac = 0.7 where learner = 'svm'",
        "update sweeps.best set turnover = 0.7 where learner = 'svm'",
        "update sweeps.best set params_json = '[]' where learner = 'svm'",
        "delete from sweeps.best where learner = 'svm' and block = 2",
    ],
}


def sound():
    """Return trials of two learners in two blocks, and their winners."""
    rows = [
        (learner, block, trial, "complete" if trial == 0 else "pruned", "{}",
         0.6 if trial == 0 else None, 3 if trial == 0 else None, 100, 1.0,
         "default" if trial == 0 else "sampler",
         *((0.01, 1.5, 0.008) if trial == 0 else (None, None, None)))
        for learner in ("svm", "mlp")
        for block in (0, 2)
        for trial in (0, 1)
    ]  # fmt: skip
    names = ["learner", "block", "trial", "state", "params_json", "auc", "best_round", "n_rows",
             "seconds", "origin", "gross_frac", "turnover", "profit_frac"]  # fmt: skip
    trials = pd.DataFrame(rows, columns=names).astype({"auc": float, "best_round": "Int64"})
    kept = ["learner", "block", "trial", "params_json", "auc", "gross_frac", "turnover"]
    best = trials.loc[trials["trial"] == 0, kept]
    return {"trials": trials, "best": best}


@pytest.fixture
def database():
    with duckdb.connect() as connection:
        connection.execute("create schema sweeps")
        for name, frame in sound().items():
            connection.register("given", frame)
            connection.execute(f"create table sweeps.{name} as select * from given")
        yield connection


def test_every_check_has_a_fault_of_its_own():
    assert set(FAULTS) == set(CHECKS)


@pytest.mark.parametrize("name", CHECKS)
def test_sound_searches_pass(name, database):
    assert database.execute(CHECKS[name]).fetchall() == []


@pytest.mark.parametrize(("name", "fault"), [(n, f) for n, own in FAULTS.items() for f in own])
def test_a_check_returns_what_was_spoiled(name, fault, database):
    database.execute(fault)
    assert database.execute(CHECKS[name]).fetchall()
