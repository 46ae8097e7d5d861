"""Where learners are fitted, and what their failures mean for a run."""

from types import SimpleNamespace

import pytest

from trading_pipeline.assets import fitting
from trading_pipeline.contracts.errors import InputError


def run_on(device):
    return SimpleNamespace(config=SimpleNamespace(runtime=SimpleNamespace(device=device)))


def test_a_gpu_that_is_not_there_is_refused_before_anything_is_fitted(monkeypatch):
    monkeypatch.setattr(fitting, "visible_gpus", lambda: 0)
    assert fitting.fitting_device(run_on("cpu")) == "cpu"
    with pytest.raises(InputError, match="no GPU is visible"):
        fitting.fitting_device(run_on("gpu"))
    monkeypatch.setattr(fitting, "visible_gpus", lambda: 1)
    assert fitting.fitting_device(run_on("gpu")) == "gpu"


def test_failures_are_told_by_learner_in_one_order():
    assert fitting.left_out_words({}) == "none"
    assert fitting.left_out_words({"svm": "late", "mlp": "lost"}) == "mlp: lost; svm: late"
