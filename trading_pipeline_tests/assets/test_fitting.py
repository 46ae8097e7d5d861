"""Where learners are fitted, and what their failures mean for a run."""

from types import SimpleNamespace

import pandas as pd
import pytest

from trading_pipeline.assets import reports
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.ensemble import fitting


def run_on(device):
    return SimpleNamespace(device=device)


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


def test_a_learner_whose_every_trial_failed_is_tracked_with_its_reason():
    row = {"learner": "svm", "block": 0, "trial": 0, "state": "failed", "auc": float("nan")}
    trials = pd.DataFrame([{**row, "params_json": '{"error": "RuntimeError: out of luck"}'}])
    record = reports._learner("svm", trials)
    assert record.params == {"failed": "block 0: RuntimeError: out of luck"}
    assert record.metrics == {"trials": 1.0}
