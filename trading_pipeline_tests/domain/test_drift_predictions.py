"""Scores that spread otherwise and a live AUC below chance are seen; ordinary ones are not."""

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.contracts.config import DriftConfig, OutcomesConfig
from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.domain.drift.predictions import (
    PREDICTION_COLUMNS,
    no_predictions_drift,
    score_predictions,
)
from trading_pipeline.domain.drift.regimes import REGIME_COLUMNS, score_regimes

ROOT = Path(__file__).parents[2]
DEFAULTS = tomllib.loads((ROOT / "trading_pipeline/config/default.toml").read_text())
CONFIG = DriftConfig(**DEFAULTS["drift"])
OUTCOMES = OutcomesConfig(**DEFAULTS["outcomes"])
HORIZON = 5
DATES = pd.bdate_range("2020-01-01", periods=600).astype("datetime64[ns]")


def scores(first, n_sessions, spread=0.05, seed=1, n_symbols=20):
    """Return the rows a model says of some sessions."""
    random = np.random.default_rng(seed)
    session = np.repeat(np.arange(first, first + n_sessions), n_symbols)
    probability = np.clip(0.5 + spread * random.normal(size=session.size), 0.01, 0.99)
    return pd.DataFrame(
        {"session_date": DATES[session], "session": session, "probability": probability}
    )


def followed(said, knows, until, seed=2):
    """Return the outcomes closed by a session; `knows` above 0 agrees with what was said."""
    random = np.random.default_rng(seed)
    side = (said["probability"] > 0.5).to_numpy()
    label = np.where(random.uniform(size=len(said)) < 0.5 + knows / 2, side, ~side).astype(int)
    rows = said.assign(
        end_session=said["session"] + HORIZON,
        horizon_sessions=HORIZON,
        label=label.astype(float),
        hit_excess=label == side,
    )
    return rows[rows["end_session"] <= until]


def measured(live, resolved=None, reference=None):
    resolved = followed(live.iloc[:0], 0.0, 0) if resolved is None else resolved
    reference = scores(0, 250) if reference is None else reference
    return score_predictions(reference, live, resolved, CONFIG, OUTCOMES, "1")


def test_scores_spread_as_over_the_hold_out_are_not_drift_and_wider_ones_are():
    calm = measured(scores(300, 60, seed=5))
    wide = measured(pd.concat([scores(300, 30, seed=5), scores(330, 30, spread=0.15, seed=6)]))
    assert calm["psi"].isna().tolist() == [True] * 19 + [False] * 41
    assert not calm["is_spread"].any()
    assert not wide["is_spread"].iloc[:30].any()
    assert wide["is_spread"].iloc[45:].all()
    assert wide["n_spread"].iloc[-1] >= 15


def test_without_scores_over_a_hold_out_the_spread_is_not_assessable():
    table = measured(scores(300, 40), reference=scores(0, 0))
    assert table["psi"].isna().all()
    assert not table["is_spread"].any()
    short = measured(scores(300, 40), reference=scores(0, 30))
    assert short["threshold"].isna().all()
    assert not short["is_spread"].any()


@pytest.mark.parametrize(("knows", "is_worse"), [(-0.3, True), (0.3, False), (0.0, False)])
def test_an_auc_below_one_half_with_its_interval_is_worse_than_chance(knows, is_worse):
    live = scores(300, 80)
    table = measured(live, followed(live, knows, 380))
    assert bool(table["is_worse"].iloc[-1]) is is_worse
    assert table["auc_low"].iloc[-1] < table["auc"].iloc[-1] < table["auc_high"].iloc[-1]


def test_few_horizons_are_not_assessable_and_old_outcomes_leave():
    live = scores(300, 200)
    table = measured(live, followed(live, 0.0, 500))
    n_needed = OUTCOMES.min_horizons * HORIZON
    assert table["auc"].notna().tolist() == (table["n_horizons"] >= OUTCOMES.min_horizons).tolist()
    assert table["auc"].first_valid_index() == n_needed + HORIZON - 1
    assert table["n_horizons"].max() == CONFIG.outcome_horizons


@settings(max_examples=6, deadline=None)
@given(cut=st.integers(1, 99), seed=st.integers(0, 9))
def test_later_sessions_and_the_order_of_rows_change_no_earlier_row(cut, seed):
    live = scores(300, 100, seed=seed)
    table = measured(live, followed(live, 0.2, 400).sample(frac=1, random_state=seed))
    now = 300 + cut - 1
    before = live[live["session"] <= now].sample(frac=1, random_state=seed)
    earlier = measured(before, followed(live, 0.2, 400).query("end_session <= @now"))
    pd.testing.assert_frame_equal(earlier, table.head(cut), check_exact=True)


def test_a_silent_model_gives_an_empty_table_of_the_same_columns():
    assert tuple(no_predictions_drift().columns) == PREDICTION_COLUMNS
    assert measured(scores(300, 0)).empty
    assert tuple(measured(scores(300, 25)).columns) == PREDICTION_COLUMNS


def regimes(words, first=0):
    return pd.DataFrame({"session_date": DATES[first : first + len(words)], "regime": words})


def test_a_regime_that_fills_the_window_as_never_in_training_has_drifted():
    trained = regimes((["normal"] * 30 + ["crash"] * 3) * 8)
    live = regimes(["normal"] * 5 + ["crash"] * 20, first=300)
    table = score_regimes(trained, live.sample(frac=1, random_state=1), CONFIG, "1")
    by_regime = table.set_index("regime")
    assert tuple(table.columns) == REGIME_COLUMNS
    assert table["regime"].tolist() == list(REGIMES)
    assert by_regime.loc["crash", ["share_trained", "share_live"]].tolist() == [3 / 33, 1.0]
    assert by_regime.loc["crash", "threshold"] == pytest.approx(3 / 20)
    assert by_regime.index[by_regime["is_drifted"]].tolist() == ["crash"]


def test_regimes_of_too_short_a_window_or_span_are_not_assessable():
    trained, live = regimes(["normal"] * 100), regimes(["crash"] * 10, first=300)
    assert score_regimes(trained, live, CONFIG, "1")["share_live"].isna().all()
    short = score_regimes(trained.head(30), regimes(["crash"] * 30, 300), CONFIG, "1")
    assert short["threshold"].isna().all()
    assert not short["is_drifted"].any()
    assert score_regimes(trained, live.head(0), CONFIG, "1").empty
