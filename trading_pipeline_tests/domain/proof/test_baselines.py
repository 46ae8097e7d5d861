"""A baseline is what its name says: nothing of the system it stands beside may help it."""

import functools

import lightgbm
import numpy as np
import pandas as pd

from trading_pipeline.contracts.vocabulary import BASELINES
from trading_pipeline.domain.ensemble.baselines import (
    MOMENTUM,
    PLAIN_LIGHTGBM,
    VOLATILITY_FEATURES,
    baselines,
    plain_lightgbm,
    session_place,
)
from trading_pipeline.domain.ensemble.training import Panel
from trading_pipeline.domain.proof.training_path import TriedPath, tried_path
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK
from trading_pipeline_tests.domain.proof.proof_market import training

COLUMNS = ["return_20", "rsi_14", "volatility_20"]


@functools.cache
def path(**switches):
    """The path of the made market; a baseline's features that it lacks are others of its own."""
    made = training()
    sampling = made.config.sampling.model_copy(update=switches)
    config = made.config.model_copy(update={"sampling": sampling})
    found = tried_path(TriedPath, made.inputs(), config, made.registry)
    for panel in (found.panel, found.judged):
        panel.X[MOMENTUM] = panel.X["return_60"]
        panel.X[VOLATILITY_FEATURES[1]] = panel.X["volatility_20"]
    return found


def beside(own):
    return baselines(own, own.training_set(FINAL_BLOCK), own.judged, COLUMNS)


def test_a_place_lies_inside_its_session_and_a_missing_score_in_the_middle():
    place = session_place([1, 1, 1, 2, 2], [3.0, -1.0, np.nan, 5.0, 5.0])
    assert place.tolist() == [0.75, 0.25, 0.5, 0.5, 0.5]


def test_every_baseline_gives_each_judged_row_a_probability():
    own = path()
    found = beside(own)
    assert tuple(found.columns) == BASELINES
    assert found.index.equals(own.judged.rows.index)
    assert ((found >= 0) & (found <= 1)).all(axis=None)
    by_session = own.judged.X[MOMENTUM].groupby(own.judged.rows["session"])
    order = by_session.rank() - found[MOMENTUM].groupby(own.judged.rows["session"]).rank()
    assert order.dropna().abs().max() == 0


def test_plain_lightgbm_is_the_library_on_the_rolling_window_as_it_is():
    own = path()
    opens, rows = own.opens[FINAL_BLOCK], own.panel.rows
    first = opens - own.config.splits.window_sessions
    train = (rows["session"] >= first) & (rows["end_session"] < opens)
    model = lightgbm.LGBMClassifier(verbose=-1, deterministic=True, force_row_wise=True, n_jobs=1)
    model.fit(own.panel.X.loc[train, COLUMNS].to_numpy(), own.panel.label[train])
    told = model.predict_proba(own.judged.X[COLUMNS].to_numpy())[:, 1]
    assert np.array_equal(beside(own)[PLAIN_LIGHTGBM], told)


def test_no_part_of_the_system_helps_plain_lightgbm():
    off = path(use_archive=False, balance=False, use_weights=False, use_uniqueness=False)
    assert beside(path())[PLAIN_LIGHTGBM].equals(beside(off)[PLAIN_LIGHTGBM])


def test_labels_that_a_block_tests_do_not_reach_plain_lightgbm():
    own = path()
    block = max(own.opens)
    flipped = own.panel.rows.assign(
        label=own.panel.rows["label"].where(
            own.panel.rows["end_session"] < own.opens[block], 1 - own.panel.rows["label"]
        )
    )
    other = TriedPath(
        config=own.config, protocol=own.protocol, panel=Panel(flipped, own.panel.X),
        archive_keys=own.archive_keys, registry=own.registry, judged=own.judged,
    )  # fmt: skip
    asked = own.panel.X.tail(200)
    assert not flipped["label"].equals(own.panel.rows["label"])
    assert np.array_equal(
        plain_lightgbm(own, block, COLUMNS, asked), plain_lightgbm(other, block, COLUMNS, asked)
    )


def test_without_a_search_the_default_parameters_are_the_only_trial():
    own = path()
    config = own.config.model_copy(
        update={"sweeps": own.config.sweeps.model_copy(update={"use_search": False})}
    )
    off = tried_path(TriedPath, training().inputs(), config, own.registry)
    data, folds = off.search_data(FINAL_BLOCK, list(COLUMNS))
    trials = off.search("lightgbm", FINAL_BLOCK, data, folds, 0.9, lambda: 0.0)
    assert trials["trial"].tolist() == [0]
    searched = own.search("lightgbm", FINAL_BLOCK, data, folds, 0.9, lambda: 0.0)
    assert len(searched) == own.config.sweeps.n_trials > 1
    pd.testing.assert_frame_equal(searched.head(1), trials)
