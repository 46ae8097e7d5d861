"""Rules of curves and intervals of overlapping predictions."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from trading_pipeline.reports.intervals import auc_interval, reliability, roc_curve


def sample(n: int = 4000, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probability = rng.random(n)
    label = (rng.random(n) < 0.5 + 0.3 * (probability - 0.5)).astype("int64")
    return probability, label, np.repeat(np.arange(n // 10), 10)


def test_the_auc_is_that_of_the_ranks() -> None:
    probability, label, session = sample()
    score = auc_interval(probability, label, session)
    assert score.value == pytest.approx(roc_auc_score(label, probability), abs=2e-3)
    assert score.low < score.value < score.high


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = sample()
    order = np.random.default_rng(1).permutation(len(rows[0]))
    assert auc_interval(*(column[order] for column in rows)) == auc_interval(*rows)


def test_rows_that_repeat_inside_a_block_do_not_narrow_the_interval() -> None:
    rows = sample()
    once, thrice = auc_interval(*rows), auc_interval(*(np.tile(column, 3) for column in rows))
    assert thrice.high - thrice.low == pytest.approx(once.high - once.low, rel=0.02)


def test_fewer_than_three_blocks_give_no_interval() -> None:
    probability, label, _ = sample()
    score = auc_interval(probability, label, np.zeros(len(label), dtype="int64"))
    assert np.isfinite(score.value)
    assert np.isnan([score.low, score.high]).all()


def test_a_roc_curve_of_ties_is_the_diagonal() -> None:
    x, y = roc_curve(np.full(10, 0.5), np.array([0, 1] * 5))
    assert x.tolist() == [0.0, 1.0]
    assert y.tolist() == [0.0, 1.0]


def test_a_roc_curve_of_one_label_is_refused() -> None:
    with pytest.raises(ValueError, match="both labels"):
        roc_curve(np.array([0.2, 0.8]), np.array([1, 1]))


def test_reliability_bins_hold_every_row_once_and_their_interval() -> None:
    bins = reliability(*sample(), n_bins=8)
    assert len(bins) == 8
    assert bins["n_rows"].sum() == 4000
    assert ((bins["low"] <= bins["observed"]) & (bins["observed"] <= bins["high"])).all()
