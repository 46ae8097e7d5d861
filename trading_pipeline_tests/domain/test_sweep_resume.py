"""A killed search goes on where it was, and workers change nothing: the table is the same."""

import itertools
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.adapters.studies import Studies
from trading_pipeline.contracts.config import SweepsConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.sweeps import trial as trial_module
from trading_pipeline.domain.sweeps.spaces import Candidate
from trading_pipeline.domain.sweeps.trial_book import Costs, Outcomes
from trading_pipeline_tests.domain.settings_of import shipped
from trading_pipeline_tests.domain.test_sweeps import market, run

SETTINGS = {"n_trials": 9, "trials_per_round": 3}
JOURNALS = shipped(SweepsConfig, "sweeps")
SERVER = shipped(SweepsConfig, "sweeps", storage="postgresql")


def earning_market():
    data, folds = market(n=900)
    earned = np.where(data.y == 1, 0.01, -0.01)
    session, name = np.divmod(np.arange(len(data.y)), 10)
    outcomes = Outcomes(session, earned, 20, name, Costs(0.001, 0.0005))
    return replace(data, outcomes=outcomes), folds


def table(trials):
    """Return what two equal searches must agree on: all but seconds."""
    return trials.drop(columns="seconds")


def journals(home):
    return Studies(home, "sweeps.lightgbm", JOURNALS, lambda: "")


@pytest.fixture(scope="module")
def undisturbed():
    data, folds = earning_market()
    return run(data, folds, **SETTINGS)


@pytest.fixture
def fits(monkeypatch):
    """Count the models that are made, and let a wanted one kill the search."""

    class Fits:
        made, deadly = 0, 0

    real = trial_module.new_learner

    def counted(*args, **kwargs):
        Fits.made += 1
        if Fits.made == Fits.deadly:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(trial_module, "new_learner", counted)
    return Fits


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_search_goes_on_and_its_table_is_that_of_an_undisturbed_one(
    tmp_path, fits, undisturbed, workers
):
    data, folds = earning_market()
    resumed, kills = None, 0
    fits.deadly = 7
    while resumed is None:
        try:
            book = journals(tmp_path).open("2-key")
            resumed = run(data, folds, book=book, workers=workers, **SETTINGS)
        except KeyboardInterrupt:
            kills += 1
            fits.deadly = fits.made + 7
    assert kills >= 2
    pd.testing.assert_frame_equal(table(resumed), table(undisturbed))


def test_a_finished_trial_is_never_made_again(tmp_path, fits, undisturbed):
    data, folds = earning_market()
    first = run(data, folds, book=journals(tmp_path).open("2-key"), **SETTINGS)
    assert fits.made
    fits.made = 0
    again = run(data, folds, book=journals(tmp_path).open("2-key"), **SETTINGS)
    assert fits.made == 0
    # Even its seconds are those it took.
    pd.testing.assert_frame_equal(first, again)
    pd.testing.assert_frame_equal(table(first), table(undisturbed))


def test_trials_of_another_candidate_are_made_anew(tmp_path, fits):
    data, folds = earning_market()
    run(data, folds, n_trials=2, book=journals(tmp_path).open("2-key"))
    fits.made = 0
    other = Candidate({"num_leaves": 9}, {"rsi": 21})
    settings = {"incumbent": other, "n_new_trials": 1}
    warm = run(data, folds, book=journals(tmp_path).open("2-key"), **settings)
    assert fits.made == 6
    pd.testing.assert_frame_equal(table(warm), table(run(data, folds, **settings)))


def test_failed_and_pruned_trials_come_back_as_they_ended(tmp_path, monkeypatch):
    data, folds = market(n=900)
    real, calls = trial_module.new_learner, itertools.count()

    def sometimes(*args, **kwargs):
        if next(calls) == 3:
            raise RuntimeError("out of luck")
        return real(*args, **kwargs)

    monkeypatch.setattr(trial_module, "new_learner", sometimes)
    first = run(data, folds, n_trials=12, book=journals(tmp_path).open("2-key"))
    assert set(first["state"]) == {"complete", "pruned", "failed"}
    again = run(data, folds, n_trials=12, book=journals(tmp_path).open("2-key"))
    pd.testing.assert_frame_equal(first, again)


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_and_threads_change_nothing(undisturbed, workers):
    data, folds = earning_market()
    other = run(data, folds, workers=workers, threads=4, **SETTINGS)
    pd.testing.assert_frame_equal(table(other), table(undisturbed))


@pytest.mark.parametrize("learner", ["gradient_boosting", "mlp"])
def test_workers_change_nothing_where_fits_share_the_process(learner):
    data, folds = market(n=300)
    settings = {"learner": learner, "max_rounds": 2, "n_trials": 4, "trials_per_round": 2}
    one, two = (run(data, folds, workers=workers, **settings) for workers in (1, 2))
    pd.testing.assert_frame_equal(table(one), table(two))


def test_a_half_written_line_and_a_lock_that_was_left_stop_nobody(tmp_path, fits, undisturbed):
    data, folds = earning_market()
    run(data, folds, book=journals(tmp_path).open("2-key"), **SETTINGS)
    path = tmp_path / "sweeps/sweeps.lightgbm/2-key.journal"
    path.write_bytes(path.read_bytes()[:-40])
    path.with_name(path.name + ".lock").symlink_to(path)
    fits.made = 0
    began = time.monotonic()
    for made in (1, 0):
        again = run(data, folds, book=journals(tmp_path).open("2-key"), **SETTINGS)
        assert (fits.made > 0) == (made == 1)
        pd.testing.assert_frame_equal(table(again), table(undisturbed))
        fits.made = 0
    assert time.monotonic() - began < 25


def test_studies_are_dropped_but_the_ones_in_use_and_leave_no_folder(tmp_path):
    studies = journals(tmp_path)
    for key in ("0-new", "0-old", "2-old"):
        studies.open(key)
    studies.drop(but=frozenset({"0-new"}))
    left = [path.name for path in (tmp_path / "sweeps/sweeps.lightgbm").iterdir()]
    assert left == ["0-new.journal"]
    Studies(tmp_path, "sweeps.svm", JOURNALS, lambda: "").open("0-x")
    studies.drop()
    assert [path.name for path in (tmp_path / "sweeps").iterdir()] == ["sweeps.svm"]


def test_a_server_keeps_what_a_journal_keeps(tmp_path, fits, undisturbed):
    # Any database of the library's serves: the code is the same for each.
    address = f"sqlite:///{tmp_path / 'server.db'}"
    data, folds = earning_market()

    def on_server(asset="sweeps.lightgbm"):
        return Studies(tmp_path, asset, SERVER, lambda: address)

    fits.deadly = 12
    with pytest.raises(KeyboardInterrupt):
        run(data, folds, book=on_server().open("2-key"), **SETTINGS)
    n_kept = len(on_server().open("2-key").trials)
    assert n_kept
    resumed = run(data, folds, book=on_server().open("2-key"), **SETTINGS)
    pd.testing.assert_frame_equal(table(resumed), table(undisturbed))
    on_server("sweeps.svm").open("2-key").add_trial(on_server().open("2-key").trials[0])
    on_server().drop()
    assert not on_server().open("2-key").trials
    assert on_server("sweeps.svm").open("2-key").trials
    assert not (tmp_path / "sweeps").exists()


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("", "TRADING_PIPELINE_SWEEPS_URL"),
        ("postgresql+nodriver://user:secret@host/db", "TRADING_PIPELINE_SWEEPS_URL"),
        ("sqlite:////nowhere/at/all/secret.db", "TRADING_PIPELINE_SWEEPS_URL"),
    ],
)
def test_a_server_that_cannot_be_used_is_told_without_its_address(tmp_path, address, told):
    with pytest.raises(InputError, match=told) as refused:
        Studies(tmp_path, "sweeps.svm", SERVER, lambda: address).open("0-x")
    assert "secret" not in str(refused.value)


SEARCH = """
import sys
from pathlib import Path
from trading_pipeline_tests.domain.test_sweep_resume import (
    SETTINGS, earning_market, journals, run, table,
)
home = Path(sys.argv[1])
data, folds = earning_market()
trials = run(data, folds, book=journals(home).open("2-key"), max_rounds=80, **SETTINGS)
table(trials).to_pickle(home / "table.pickle")
"""


@pytest.mark.long
def test_a_process_that_is_shot_leaves_trials_that_another_takes_up(tmp_path):
    words = [sys.executable, "-c", SEARCH, str(tmp_path)]
    path = tmp_path / "sweeps/sweeps.lightgbm/2-key.journal"
    process = subprocess.Popen(words)
    while process.poll() is None and (not path.exists() or path.read_bytes().count(b"\n") < 4):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    n_kept = len(journals(tmp_path).open("2-key").trials)
    assert 2 <= n_kept < 9, "the process was not shot in the middle"
    data, folds = earning_market()
    resumed = run(data, folds, book=journals(tmp_path).open("2-key"), max_rounds=80, **SETTINGS)
    whole = run(data, folds, max_rounds=80, **SETTINGS)
    pd.testing.assert_frame_equal(table(resumed), table(whole))
