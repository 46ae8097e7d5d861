"""A stack that learned from the rows it is scored on proves nothing, so that is what is tested."""

import json

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.contracts.config import (
    EnsembleConfig,
    LabelsConfig,
    SamplingConfig,
    SplitsConfig,
)
from trading_pipeline.domain.ensemble.members import (
    fit_base_learners,
    members_from_bytes,
    members_to_bytes,
    predict_base,
    predict_stack,
)
from trading_pipeline.domain.ensemble.metrics import auc, logistic_line, logit, sigmoid
from trading_pipeline.domain.ensemble.recipe import Recipe, build_recipe
from trading_pipeline.domain.ensemble.sklearn_files import part_from_skops, skops_bytes
from trading_pipeline.domain.ensemble.stack import (
    Calibrator,
    MetaLearner,
    fit_calibrator,
    fit_meta,
    fit_stack,
    stack_oof,
    wide_oof,
)
from trading_pipeline.domain.ensemble.walk_forward import OofBlock, walk_forward_oof
from trading_pipeline.domain.sweeps.spaces import default_candidate

HORIZON = 5
FEATURES = tuple(f"f{i}" for i in range(6))
LEARNERS = ("lightgbm", "xgboost", "catboost")
KINDS = ("mlp", "logistic")


def market(n_sessions=200, n_symbols=12, signal=0.8, seed=0):
    """Features, labels with spans, regimes; sorted by session and symbol."""
    rng = np.random.default_rng(seed)
    n = n_sessions * n_symbols
    session, symbol = np.divmod(np.arange(n), n_symbols)
    rows = pd.DataFrame(
        {
            "symbol": [f"S{i:02d}" for i in symbol],
            "session_date": pd.Timestamp("2020-01-01") + pd.to_timedelta(session, unit="D"),
            "session": session,
            "end_session": session + HORIZON,
            "regime": np.where(session % 40 < 8, "crash", "normal"),
        }
    )
    for name in FEATURES:
        rows[name] = rng.normal(size=n).astype(np.float32)
    rows["label"] = (signal * rows["f0"] + rng.normal(size=n) > 0).astype(int)
    return rows


def recipe(
    rounds=8, meta="mlp", calibration="platt", use_replay=False, weight=2.0, use_stack=True,
    use_weights=True, ranked=(),
):  # fmt: skip
    """The default candidate of each learner."""
    best = pd.DataFrame(
        {
            "learner": LEARNERS,
            "params_json": [json.dumps(default_candidate(n, {}).to_record()) for n in LEARNERS],
            "best_round": rounds,
        }
    )
    ensemble = EnsembleConfig(
        use_stack=use_stack, meta_learner=meta, calibration=calibration, calibration_frac=0.25,
        max_rounds=50, seed=7,
    )  # fmt: skip
    sampling = SamplingConfig(
        balance=True, mix={"normal": 1.0}, weights={"normal": 1.0}, max_repeats=5,
        use_archive=True, use_weights=use_weights, use_uniqueness=True, use_replay=use_replay,
        replay={"worst_frac": 0.05, "weight": weight, "max_share": 0.05, "max_age_sessions": 756},
    )  # fmt: skip
    labels = LabelsConfig(
        target="excess", horizon_sessions=HORIZON, min_symbols=5, min_symbols_sample=5
    )
    splits = SplitsConfig(
        scheme="walk_forward", n_folds=5, embargo_sessions=5, holdout_sessions=50,
        holdout_max_frac=0.5, window_sessions=1260, renew_after_sessions=63,
    )  # fmt: skip
    return build_recipe(
        best, dict.fromkeys(LEARNERS, FEATURES), ensemble=ensemble, sampling=sampling,
        labels=labels, splits=splits, ranked=ranked,
    )  # fmt: skip


def blocks_of(rows, n_blocks=4):
    """Walk-forward blocks after a first one that only trains, purged by label span."""
    cuts = np.array_split(np.unique(rows["session"]), n_blocks)
    return [
        OofBlock(
            number,
            np.flatnonzero(rows["end_session"] < cut[0]),
            np.flatnonzero(rows["session"].between(cut[0], cut[-1])),
        )
        for number, cut in enumerate(cuts[1:], start=2)
    ]


def oof_of(rows, kept=None):
    """Base out-of-fold rows by the driver, keeping the files of each block's models."""

    def fit_predict(block, train, label, test):
        members = fit_base_learners(
            recipe(), rows.iloc[train], label, np.ones(len(train)), threads=1
        )
        if kept is not None:
            kept[block] = [m.model.to_bytes()[1] for m in members]
        return {n: p.to_numpy() for n, p in predict_base(members, rows.iloc[test]).items()}

    return walk_forward_oof(rows, blocks_of(rows), fit_predict)


def noisy_oof(n_sessions=400, n_symbols=20, skills=(0.0, 0.0, 0.0), seed=0):
    """Wide out-of-fold rows of three learners, each a view of the label with its own skill."""
    rows = market(n_sessions, n_symbols, seed=seed)
    rng = np.random.default_rng(seed + 1)
    rows["label"] = rng.integers(0, 2, size=len(rows))
    common = rng.normal(size=len(rows))
    for name, skill in zip(LEARNERS, skills, strict=True):
        own = rng.normal(size=len(rows))
        rows[name] = sigmoid(0.1 * (common + own) + skill * (rows["label"] - 0.5))
    return rows.assign(block=rows["session"] // 100 + 2)


@pytest.mark.parametrize("kind", KINDS)
def test_flipping_the_labels_of_a_block_changes_nothing_that_predicts_it(kind):
    rows = market()
    flipped_block = 3
    tested = blocks_of(rows)[1].test_rows
    assert blocks_of(rows)[1].block == flipped_block
    flipped = rows.copy()
    flipped.loc[tested, "label"] = 1 - flipped.loc[tested, "label"]
    before, after, results = {}, {}, []
    for market_rows, kept in ((rows, before), (flipped, after)):
        oof = oof_of(market_rows, kept)
        stack = stack_oof(wide_oof(oof, market_rows), learners=LEARNERS, kind=kind, seed=7)
        both = pd.concat([oof, stack])
        results.append(both[both["block"] == flipped_block]["oof_probability"].to_numpy())
    assert before[flipped_block] == after[flipped_block]
    assert before[flipped_block + 1] != after[flipped_block + 1]
    assert len(results[0]) == 4 * len(tested)
    assert np.array_equal(*results)


def test_the_first_block_has_no_out_of_fold_rows_and_the_stack_starts_one_later():
    rows = market()
    oof = oof_of(rows)
    stack = stack_oof(wide_oof(oof, rows), learners=LEARNERS, kind="mlp", seed=7)
    assert sorted(oof["block"].unique()) == [2, 3, 4]
    assert sorted(stack["block"].unique()) == [3, 4]
    assert list(stack.columns) == list(oof.columns)


def test_the_driver_hands_out_no_label_of_the_rows_it_asks_for():
    rows = market(n_sessions=40)

    def fit_predict(_, train, label, test):
        assert len(label) == len(train)
        assert rows["end_session"].iloc[train].max() < rows["session"].iloc[test].min()
        return {"half": np.full(len(test), 0.5)}

    assert len(walk_forward_oof(rows, blocks_of(rows), fit_predict)) == 3 * 10 * 12


def test_a_block_that_trains_on_its_own_rows_is_refused():
    rows = market(n_sessions=10)
    with pytest.raises(ValueError, match="train on rows it tests"):
        walk_forward_oof(rows, [OofBlock(2, np.arange(5), np.arange(4, 9))], lambda *_: {})


def test_a_prediction_that_is_not_a_probability_is_refused():
    rows = market(n_sessions=10)
    block = OofBlock(2, np.arange(5), np.arange(6, 9))
    with pytest.raises(ValueError, match="gave no probability"):
        walk_forward_oof(rows, [block], lambda *_: {"a": np.array([0.1, np.nan, 0.2])})


@pytest.mark.parametrize("kind", KINDS)
def test_on_noise_the_stack_is_no_worse_than_the_mean_of_the_learners(kind):
    gaps = []
    for seed in range(6):
        oof = noisy_oof(skills=(0.03, 0.03, 0.03), seed=seed)
        train, test = oof[oof["session"] < 300], oof[oof["session"] >= 306]
        meta = fit_meta(train, train["label"], learners=LEARNERS, kind=kind, seed=7)
        mean = logit(test[list(LEARNERS)]).mean(axis=1)
        stacked = meta.predict(test, test["regime"])
        gaps.append(auc(stacked, test["label"]) - auc(mean, test["label"]))
    assert np.mean(gaps) > -0.002


@pytest.mark.parametrize("kind", KINDS)
def test_a_learner_that_knows_more_is_listened_to(kind):
    oof = noisy_oof(skills=(0.0, 0.0, 0.30))
    train, test = oof[oof["session"] < 300], oof[oof["session"] >= 306]
    meta = fit_meta(train, train["label"], learners=LEARNERS, kind=kind, seed=7)
    mean = logit(test[list(LEARNERS)]).mean(axis=1)
    better = auc(meta.predict(test, test["regime"]), test["label"])
    assert better > auc(mean, test["label"]) + 0.01


def test_learners_that_are_wrong_shrink_the_stack_but_never_turn_it_round():
    oof = noisy_oof(skills=(-0.3, -0.3, -0.3))
    meta = fit_meta(oof, oof["label"], learners=LEARNERS, kind="logistic", seed=7)
    assert 0 < meta.slope < 0.1


@pytest.mark.parametrize("kind", ["platt", "isotonic"])
def test_calibration_never_changes_the_order_of_rows(kind):
    rng = np.random.default_rng(0)
    p = np.sort(sigmoid(rng.normal(size=800)))
    for label in (rng.random(800) < p, rng.random(800) < 0.5, rng.random(800) > p):
        calibrated = fit_calibrator(p, label, kind).predict(p)
        assert (np.diff(calibrated) > 0).all()


@pytest.mark.parametrize("kind", ["platt", "isotonic"])
def test_calibration_mends_overconfidence(kind):
    rng = np.random.default_rng(1)
    z = rng.normal(size=20_000)
    label = rng.random(z.size) < sigmoid(z)
    calibrated = fit_calibrator(sigmoid(3 * z), label, kind).predict(sigmoid(3 * z))
    assert abs(logistic_line(logit(calibrated), label)[1] - 1) < 0.1


def test_without_skill_calibrated_probabilities_collapse_to_the_base_rate():
    rng = np.random.default_rng(2)
    p = sigmoid(2 * rng.normal(size=20_000))
    calibrated = fit_calibrator(p, rng.random(p.size) < 0.5, "platt").predict(p)
    assert np.abs(calibrated - 0.5).max() < 0.08


def test_the_calibration_rows_do_not_train_the_meta_learner():
    oof = noisy_oof(skills=(0.2, 0.2, 0.2))
    options = {"learners": LEARNERS, "kind": "mlp", "calibration": "platt"}
    other = oof.copy()
    late = other["session"] >= 300 - HORIZON
    other.loc[late, "label"] = 1 - other.loc[late, "label"]
    one, two = (fit_stack(o, calibration_frac=0.25, seed=7, **options) for o in (oof, other))
    assert one.meta.to_bytes() == two.meta.to_bytes()
    assert one.calibrator != two.calibrator


def test_the_stack_does_not_depend_on_the_order_of_rows():
    oof = noisy_oof(skills=(0.1, 0.2, 0.0))
    options = {"learners": LEARNERS, "kind": "mlp"}
    there = stack_oof(oof, seed=7, **options)
    back = stack_oof(oof.sample(frac=1, random_state=1), seed=7, **options)
    pd.testing.assert_frame_equal(there, back)


@pytest.mark.parametrize("meta_kind", KINDS)
@pytest.mark.parametrize("calibration", ["platt", "isotonic"])
def test_files_are_equal_for_equal_fits_and_predict_like_memory(meta_kind, calibration):
    rows = market()
    chosen = recipe(meta=meta_kind, calibration=calibration)
    oof = wide_oof(oof_of(rows), rows)
    options = {"learners": chosen.learners, "kind": meta_kind, "calibration": calibration}
    files = []
    for threads in (1, 2):
        members = fit_base_learners(chosen, rows, rows["label"], np.ones(len(rows)),
                                    threads=threads)  # fmt: skip
        stack = fit_stack(oof, calibration_frac=0.25, seed=7, **options)
        files.append(members_to_bytes(chosen, members, stack))
    assert files[0] == files[1]
    again_recipe, again, again_stack = members_from_bytes(files[0], threads=1)
    assert again_recipe == chosen
    there = predict_stack(members, stack, rows, rows["regime"])
    back = predict_stack(again, again_stack, rows, rows["regime"])
    pd.testing.assert_frame_equal(there, back, check_exact=True)
    assert list(there.columns) == ["stack", *chosen.learners]


def test_a_recipe_id_is_its_content():
    chosen = recipe()
    assert Recipe.from_json(chosen.to_json()).recipe_id == chosen.recipe_id
    assert recipe(rounds=9).recipe_id != chosen.recipe_id
    assert recipe(calibration="isotonic").recipe_id != chosen.recipe_id


def test_settings_of_the_replay_are_part_of_a_recipe_only_where_it_acts():
    assert recipe(weight=3.0).recipe_id == recipe().recipe_id
    assert recipe(use_replay=True).recipe_id != recipe().recipe_id
    assert recipe(use_replay=True, weight=3.0).recipe_id != recipe(use_replay=True).recipe_id


def test_rounds_of_a_recipe_respect_the_configured_limit():
    assert {m.rounds for m in recipe(rounds=500).members} == {50}


def test_a_missing_feature_or_file_is_named():
    rows = market(n_sessions=30)
    members = fit_base_learners(recipe(), rows, rows["label"], np.ones(len(rows)), threads=1)
    with pytest.raises(ValueError, match="f3"):
        predict_base(members, rows.drop(columns="f3"))
    with pytest.raises(ValueError, match="no file of recipe"):
        members_from_bytes({}, threads=1)


def test_labels_of_one_class_are_refused():
    rows = market(n_sessions=10)
    with pytest.raises(ValueError, match="both labels"):
        fit_base_learners(recipe(), rows, np.ones(len(rows)), np.ones(len(rows)), threads=1)


def test_an_unknown_type_in_a_model_file_is_refused_before_it_is_read():
    from sklearn.neighbors import KNeighborsClassifier

    with pytest.raises(ValueError, match="KNeighborsClassifier"):
        part_from_skops(skops_bytes(KNeighborsClassifier()))


def test_meta_learner_and_calibrator_survive_their_files():
    oof = noisy_oof(skills=(0.1, 0.1, 0.1))
    meta = fit_meta(oof, oof["label"], learners=LEARNERS, kind="mlp", seed=7)
    again = MetaLearner.from_bytes(meta.to_bytes())
    assert again.to_bytes() == meta.to_bytes()
    assert np.array_equal(again.predict(oof, oof["regime"]), meta.predict(oof, oof["regime"]))
    calibrator = fit_calibrator([0.2, 0.6, 0.7, 0.4], [0, 1, 1, 0], "platt")
    assert Calibrator.from_bytes(calibrator.to_bytes()) == calibrator


def test_without_the_stack_the_learners_mean_is_calibrated_and_nothing_else_is_learned():
    oof = noisy_oof(n_sessions=120, skills=(0.3, 0.1, 0.0))
    stack = fit_stack(
        oof, learners=LEARNERS, kind="mean", calibration="platt", calibration_frac=0.25, seed=7
    )
    mean = logit(oof[list(LEARNERS)].to_numpy()).mean(axis=1)
    assert np.allclose(stack.meta.predict(oof, oof["regime"]), sigmoid(mean), atol=1e-12)
    assert MetaLearner.from_bytes(stack.meta.to_bytes()) == stack.meta
    told = stack_oof(oof, learners=LEARNERS, kind="mean", seed=7)
    later = oof[oof["block"] > oof["block"].min()].sort_values(["session", "symbol"])
    expected = sigmoid(logit(later[list(LEARNERS)].to_numpy()).mean(axis=1))
    assert np.allclose(told["oof_probability"], expected, atol=1e-12)


def test_a_recipe_says_that_it_has_no_stack_and_no_weights_by_regime():
    assert recipe(use_stack=False).meta_learner == "mean"
    assert len({recipe(use_stack=s, use_weights=w).recipe_id for s in (0, 1) for w in (0, 1)}) == 4


def test_a_recipe_names_the_features_it_reads_as_ranks_and_only_those():
    assert recipe().ranked == ()
    assert recipe(ranked=("f3", "f0", "unread")).ranked == ("f0", "f3")
    assert recipe(ranked=("unread",)).recipe_id == recipe().recipe_id
    assert Recipe.from_json(recipe(ranked=("f0",)).to_json()).ranked == ("f0",)
