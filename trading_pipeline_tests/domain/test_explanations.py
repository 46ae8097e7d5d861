"""An explanation must be the model's own arithmetic, and a flipped sign more than noise."""

from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.contracts.config import GateConfig
from trading_pipeline.domain.ensemble.explanations import (
    MEAN,
    NATIVE,
    contributions_of,
    explain,
    mean_contributions,
    stratified_rows,
    with_flips,
)
from trading_pipeline.domain.ensemble.members import Member, fit_base_learners, predict_base
from trading_pipeline.domain.ensemble.metrics import logit
from trading_pipeline.domain.ensemble.recipe import MemberRecipe, Recipe
from trading_pipeline.domain.sweeps.spaces import default_candidate
from trading_pipeline_tests.domain.settings_of import shipped

HORIZON = 5
FEATURES = ("turns", "steady", "regime_is_crash", "noise")
GATE = shipped(GateConfig, "gate", bootstrap_samples=100)


@lru_cache(maxsize=1)
def market(n_sessions=300, n_symbols=10, seed=0):
    """Rows whose label rises with `steady`, and with `turns` except in a crash."""
    rng = np.random.default_rng(seed)
    session, symbol = np.divmod(np.arange(n_sessions * n_symbols), n_symbols)
    crash = (session // 30) % 3 == 0
    rows = pd.DataFrame(
        {
            "symbol": [f"S{i:02d}" for i in symbol],
            "session": session,
            "regime": np.where(crash, "crash", "normal"),
        }
    )
    rows.loc[rows["session"] >= n_sessions - 5, "regime"] = "recovery"
    X = pd.DataFrame(rng.normal(size=(len(rows), 4)), columns=FEATURES).astype(np.float32)
    X["regime_is_crash"] = crash.astype(np.float32)
    X.loc[::17, "noise"] = np.nan
    score = 1.5 * X["turns"] * np.where(crash, -1, 1) + X["steady"]
    label = (score + rng.normal(size=len(rows)) > 0).astype(int)
    return rows, X, label.to_numpy()


@lru_cache(maxsize=1)
def members():
    _, X, label = market()
    # All columns in every tree: one column alone cannot tell when `turns` turns.
    recipes = tuple(
        MemberRecipe(
            name,
            FEATURES[:3] if name == "xgboost" else FEATURES,
            {**default_candidate(name, {}).params, "column_frac": 1.0},
            {},
            30,
        )
        for name in NATIVE
    )
    recipe = Recipe(recipes, "logistic", "platt", 0.25, 7, {})
    return fit_base_learners(recipe, X, label, np.ones(len(X)), threads=1)


def explained(rows=None, X=None, weight=None, config=GATE):
    everything = market()
    rows, X = everything[0] if rows is None else rows, everything[1] if X is None else X
    weight = np.ones(len(rows)) if weight is None else weight
    return explain(members(), X, rows, weight, HORIZON, config)


@pytest.mark.parametrize("place", range(len(NATIVE)))
def test_contributions_and_expectation_are_the_raw_score(place):
    X = market()[1]
    one = contributions_of(members()[place], X)
    raw = logit(members()[place].predict(X))
    assert one.parts.shape == (len(X), len(one.features))
    np.testing.assert_allclose(one.parts.sum(axis=1) + one.base, raw, atol=1e-5)


def test_the_parts_of_the_mean_are_the_mean_log_odds():
    X = market()[1]
    mean = mean_contributions([contributions_of(m, X) for m in members()])
    raw = logit(predict_base(members(), X).to_numpy()).mean(axis=1)
    np.testing.assert_allclose(mean.parts.sum(axis=1) + mean.base, raw, atol=1e-5)


def test_contributions_that_do_not_add_up_are_refused():
    class Other:
        def contributions(self, X):
            return np.full((len(X), 5), 0.1)

        def predict(self, X):
            return np.full(len(X), 0.9)

    with pytest.raises(ValueError, match="miss its log odds"):
        contributions_of(Member(members()[0].recipe, Other()), market()[1])


def test_a_sign_that_turns_with_the_regime_is_flagged_and_a_steady_one_is_not():
    table = explained()
    for learner in (MEAN, *NATIVE):
        by_regime = table[table["learner"] == learner].set_index(["feature", "regime"])
        assert by_regime.loc[("turns", "normal"), "sign"] == 1
        assert by_regime.loc[("turns", "crash"), "sign"] == -1
        assert by_regime.loc["turns"].loc[["normal", "crash"], "is_flipped"].all()
        assert (by_regime.loc["steady"].loc[["all", "normal", "crash"], "sign"] == 1).all()
        assert not by_regime.loc["steady", "is_flipped"].any()


def test_no_sign_and_no_flip_where_horizons_are_few():
    table = explained()
    few = table[table["regime"] == "recovery"]
    assert (few["n_sessions"] == 5).all()
    assert not few["is_assessable"].any()
    assert few["sign"].isna().all()
    assert not few["is_flipped"].any()
    strict = explained(config=GATE.model_copy(update={"min_horizons": 30}))
    assert not strict["is_flipped"].any()


def test_an_unknown_regime_and_all_rows_contradict_nobody():
    table = pd.DataFrame(
        {
            "learner": MEAN, "feature": "a", "regime": ["all", "unknown", "normal", "crash"],
            "is_assessable": True, "relation_low": [-0.5, -0.5, 0.1, np.nan],
            "relation_high": [-0.1, -0.1, 0.5, np.nan],
        }
    )  # fmt: skip
    flagged = with_flips(table)
    assert flagged["sign"].tolist()[:3] == [-1, -1, 1]
    assert pd.isna(flagged["sign"].iloc[3])
    assert not flagged["is_flipped"].any()


def test_shares_ranks_and_counts_add_up():
    table = explained()
    groups = table.groupby(["learner", "regime"])
    np.testing.assert_allclose(groups["share_frac"].sum(), 1.0)
    assert all(sorted(ranks) == [*range(1, len(ranks) + 1)] for _, ranks in groups["rank"])
    whole = table[table["learner"] == MEAN].drop_duplicates("regime").set_index("regime")
    assert whole.loc["all", "n_rows"] == len(market()[0])
    assert whole.loc["all", "n_rows"] == whole["n_rows"].drop("all").sum()


def test_importance_over_all_rows_is_the_mean_over_regimes_as_often_as_they_are():
    of_mean = explained().query("learner == @MEAN").set_index(["regime", "feature"])
    whole = of_mean.loc["all", "importance"]
    parts = of_mean.drop("all", level="regime")
    weighted = (parts["importance"] * parts["n_rows"]).groupby("feature").sum()
    pd.testing.assert_series_equal(weighted / len(market()[0]), whole.sort_index(),
                                   check_names=False)  # fmt: skip


def test_a_drawn_sample_stands_for_the_natural_rows():
    rows = market()[0]
    drawn, weight = stratified_rows(rows, 400, seed=3)
    sample = rows.iloc[drawn].assign(weight=weight)
    assert sample["regime"].value_counts().to_dict() == {"crash": 400, "normal": 400,
                                                         "recovery": 50}  # fmt: skip
    for regime, part in sample.groupby("regime"):
        assert part["weight"].sum() == pytest.approx((rows["regime"] == regime).sum())
    assert sample["symbol"].nunique() == 10
    table = explained(rows.iloc[drawn], market()[1].iloc[drawn], weight)
    importance = table.query("learner == @MEAN and regime == 'all'").set_index("feature")
    natural = explained().query("learner == @MEAN and regime == 'all'").set_index("feature")
    np.testing.assert_allclose(
        importance["share_frac"], natural["share_frac"][importance.index], atol=0.03
    )


def test_the_order_of_the_rows_does_not_matter():
    rows = market()[0].assign(place=np.arange(len(market()[0])))
    mixed = rows.sample(frac=1, random_state=1)
    drawn = []
    for frame in (rows, mixed):
        positions, weight = stratified_rows(frame, 100, seed=3)
        drawn.append((frame.iloc[positions]["place"].tolist(), weight.tolist()))
    assert drawn[0] == drawn[1]


def test_a_learner_without_contributions_of_its_own_is_left_out():
    one = members()[0]
    other = Member(MemberRecipe("forest", one.recipe.features, {}, {}, 1), one.model)
    rows, X, _ = market()
    table = explain([one, other], X, rows, np.ones(len(X)), HORIZON, GATE)
    assert set(table["learner"]) == {MEAN, one.recipe.learner}
    with pytest.raises(ValueError, match="no learner gives contributions"):
        explain([other], X, rows, np.ones(len(X)), HORIZON, GATE)
