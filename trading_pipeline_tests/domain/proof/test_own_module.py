"""A user's own module is judged like the built-in features, and told what is wrong in words."""

import textwrap

import pytest

from trading_pipeline.adapters.feature_module import load_feature_module
from trading_pipeline.domain.features.registry import feature_registry
from trading_pipeline.domain.proof.clean import FeatureTrials
from trading_pipeline_tests.domain.proof.proof_market import CONFIG, REGISTRY, frames, market

MODULE = """
    import numpy as np
    import pandas as pd

    from trading_pipeline.domain.features.registry import Feature

    def compute(panel):
        close = pd.Series(panel["close"]).groupby(panel.code)
        return (close.shift({shift}) / panel["close"] - 1).to_numpy()

    FEATURES = (
        Feature(
            name="my_feature", family="own", formula="a ratio of closes", unit="frac",
            lookback_sessions=3, inputs=("close",), source="mine", compute=compute,
        ),
    )
"""


@pytest.fixture
def own(tmp_path):
    def trials_of(shift):
        path = tmp_path / f"my_module_{shift}.py".replace("-", "m")
        path.write_text(textwrap.dedent(MODULE).replace("{shift}", str(shift)))
        registry = feature_registry(CONFIG.features, load_feature_module(str(path)))
        return FeatureTrials(market(), frames(), registry[len(REGISTRY) :], 12, tolerance=1e-7)

    return trials_of


def test_a_leaky_feature_of_a_module_is_named_with_a_sentence(own):
    [finding] = own(-1).findings()
    assert finding.subject == "my_feature"
    assert finding.how.startswith("`my_feature` leaks: its value for")
    assert "at least 1 session ahead" in finding.how


def test_a_sound_module_passes(own):
    assert own(2).findings() == []
