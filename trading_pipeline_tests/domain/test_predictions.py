"""Each session is said once by the model of that time, and a backfill says what live said."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.ensemble.members import (
    Member,
    feature_matrix,
    fit_base_learners,
    predict_base,
    predict_stack,
)
from trading_pipeline.domain.ensemble.stack import fit_stack
from trading_pipeline.domain.predictions.said import (
    PREDICTION_COLUMNS,
    no_predictions,
    reasons_of,
    say_sessions,
)
from trading_pipeline.domain.predictions.speakers import Candidate, Speaker, find_speakers
from trading_pipeline_tests.domain.test_stack import FEATURES, market, recipe

FIRST = 6000
NOTHING_SAID = pd.DataFrame({"role": [], "model_version": [], "last_session": []})


def ledger(*decisions):
    """Return gate.decisions of (action, version) in order."""
    return pd.DataFrame(
        [
            {
                "decision_id": i,
                "action": action,
                "role": "shadow" if action == "shadow" else "champion",
                "model_version": version,
            }
            for i, (action, version) in enumerate(decisions, start=1)
        ],
        columns=["decision_id", "action", "role", "model_version"],
    )


def told(*rows):
    return pd.DataFrame(rows, columns=["role", "model_version", "last_session"])


def spans(speakers):
    """Return every (role, model, session) that is said."""
    return [
        (speaker.role, speaker.model_version, session)
        for speaker in speakers
        for session in range(speaker.first_session, speaker.last_session + 1)
    ]


def test_on_the_first_run_the_judged_model_fills_its_hold_out_and_the_refit_begins():
    found = find_speakers(
        ledger(("shadow", "v1")), {"v1": 100}, NOTHING_SAID, 100, Candidate("judged", 20)
    )
    assert found == (Speaker("shadow", "judged", 20, 100), Speaker("shadow", "v1", 100, 100))


def test_what_was_said_is_never_said_again():
    said = told(("shadow", "judged", 100), ("shadow", "v1", 100))
    arguments = ledger(("shadow", "v1")), {"v1": 100}, said
    assert find_speakers(*arguments, 100, Candidate("judged", 20)) == ()
    later = find_speakers(*arguments, 103, Candidate("another judged", 20))
    assert later == (Speaker("shadow", "v1", 101, 103),)


def test_a_new_challenger_begins_where_it_was_fitted_and_the_old_one_ends_there():
    decisions = ledger(("shadow", "v1"), ("shadow", "v2"))
    found = find_speakers(decisions, {"v1": 100, "v2": 105}, told(("shadow", "v1", 102)), 106)
    assert found == (Speaker("shadow", "v1", 103, 105), Speaker("shadow", "v2", 105, 106))


def test_a_promoted_challenger_goes_on_as_champion_after_its_last_word_in_shadow():
    decisions = ledger(("shadow", "v1"), ("promote", "v1"))
    found = find_speakers(decisions, {"v1": 100}, told(("shadow", "v1", 110)), 112)
    assert found == (Speaker("champion", "v1", 111, 112),)


def test_a_champion_speaks_beside_the_challenger():
    decisions = ledger(("shadow", "v1"), ("promote", "v1"), ("shadow", "v2"))
    said = told(("shadow", "v1", 100), ("champion", "v1", 105), ("shadow", "v2", 105))
    found = find_speakers(decisions, {"v1": 100, "v2": 105}, said, 106)
    assert found == (Speaker("champion", "v1", 106, 106), Speaker("shadow", "v2", 106, 106))


def test_a_champion_promoted_late_does_not_speak_of_what_its_forerunner_said():
    decisions = ledger(
        ("shadow", "v1"), ("promote", "v1"), ("shadow", "v2"), ("promote", "v2"), ("rollback", "v1")
    )
    as_of = {"v1": 100, "v2": 105}
    said = told(("champion", "v1", 110), ("shadow", "v2", 110))
    forward = find_speakers(decisions.iloc[:4], as_of, said, 111)
    assert forward == (Speaker("champion", "v2", 111, 111),)
    said = told(("champion", "v1", 110), ("shadow", "v2", 110), ("champion", "v2", 115))
    back = find_speakers(decisions, as_of, said, 116)
    # Rolled back, the challenger is in shadow again.
    assert back == (Speaker("champion", "v1", 116, 116), Speaker("shadow", "v2", 116, 116))


def test_sessions_that_came_in_one_by_one_are_said_as_those_that_came_at_once():
    decisions = ledger(("shadow", "v1"), ("shadow", "v2"), ("shadow", "v3"))
    as_of = {"v1": 100, "v2": 105, "v3": 110}
    at_once = spans(find_speakers(decisions, as_of, NOTHING_SAID, 113, Candidate("judged", 90)))
    said, live = NOTHING_SAID, []
    for session in range(90, 114):
        # A refit is staged after the close of the session it could still know.
        staged = [name for name, known in as_of.items() if known < session]
        for who in (staged, [name for name, known in as_of.items() if known <= session]):
            for speaker in find_speakers(
                ledger(*(("shadow", name) for name in who)),
                as_of, said, session, Candidate("judged", 90),
            ):  # fmt: skip
                live += spans([speaker])
                said = pd.concat([said, told((*speaker[:2], speaker.last_session))])
    assert sorted(live) == sorted(at_once)
    assert len(set(live)) == len(live)


@pytest.fixture(scope="module")
def model():
    """A small fitted ensemble, and later rows it has not seen."""
    rows = market(n_sessions=120, n_symbols=10)
    trained, later = rows[rows["session"] < 110], rows[rows["session"] >= 110]
    members = fit_base_learners(
        recipe(), trained, trained["label"], np.ones(len(trained)), threads=1
    )
    base = predict_base(members, trained)
    oof = pd.concat([trained.assign(block=1), base], axis=1)
    stack = fit_stack(
        oof, learners=tuple(base.columns), kind="mlp", calibration="platt",
        calibration_frac=0.25, seed=7,
    )  # fmt: skip
    days = session_table().iloc[FIRST + later["session"]].reset_index(drop=True)
    later = later.reset_index(drop=True).assign(
        session=days["session"], session_date=days["session_date"], known_at=days["closes_at"]
    )
    return members, stack, later


def say(model, rows, first, last, newest):
    return say_as(model, rows, Speaker("shadow", "v1", first, last), newest)


def say_as(model, rows, speaker, newest):
    members, stack, _ = model
    return say_sessions(
        members, stack, rows, rows[list(FEATURES)], speaker,
        horizon_sessions=5, n_reasons=3, last_session=newest,
    )  # fmt: skip


def test_a_backfill_equals_what_live_wrote(model):
    rows = model[2]
    first, last = rows["session"].min(), rows["session"].max()
    backfill = say(model, rows.sample(frac=1, random_state=1), first, last, last)
    live = pd.concat(
        [
            say(model, rows[rows["session"] <= now].reset_index(drop=True), now, now, now)
            for now in range(first, last + 1)
        ],
        ignore_index=True,
    )
    assert not live["is_backfilled"].any()
    assert backfill["is_backfilled"].tolist() == (backfill["session"] < last).tolist()
    pd.testing.assert_frame_equal(
        backfill.drop(columns="is_backfilled"), live.drop(columns="is_backfilled"), check_exact=True
    )


@settings(max_examples=3, deadline=None)
@given(cuts=st.sets(st.integers(0, 8), max_size=4), n_earlier=st.integers(1, 4))
def test_whatever_the_days_on_which_data_came_the_hold_out_is_said_alike(model, cuts, n_earlier):
    rows = model[2]
    first, last = int(rows["session"].min()), int(rows["session"].max())
    refit = first + n_earlier
    decisions = ledger(("shadow", "v1"))
    said, parts = NOTHING_SAID, []
    for now in sorted({*(first + cut for cut in cuts), last}):
        known = rows[rows["session"] <= now].sample(frac=1, random_state=now)
        held = decisions if now >= refit else decisions.iloc[:0]
        candidate = Candidate("judged", first)
        for speaker in find_speakers(held, {"v1": refit}, said, now, candidate):
            part = say_as(model, known.reset_index(drop=True), speaker, now)
            assert set(part["model_version"]) == {speaker.model_version}
            said = pd.concat([said, told((*speaker[:2], speaker.last_session))])
            parts.append(part)
    live = pd.concat(parts).sort_values(["model_version", "session", "symbol"], ignore_index=True)
    at_once = pd.concat(
        [
            say_as(model, rows, speaker, last)
            for speaker in find_speakers(
                decisions, {"v1": refit}, NOTHING_SAID, last, Candidate("judged", first)
            )
        ]
    ).sort_values(["model_version", "session", "symbol"], ignore_index=True)
    assert live["prediction_id"].is_unique
    columns = [name for name in PREDICTION_COLUMNS if name != "is_backfilled"]
    pd.testing.assert_frame_equal(live[columns], at_once[columns], check_exact=True)


def test_a_prediction_is_the_stacks_with_the_instants_it_rests_on(model):
    members, stack, rows = model
    first, last = rows["session"].min(), rows["session"].max()
    table = say(model, rows, first, last, last)
    whole = predict_stack(members, stack, rows[list(FEATURES)], rows["regime"])["stack"]
    in_order = rows.assign(p=whole).sort_values(["session", "symbol"])
    np.testing.assert_allclose(table["probability"], in_order["p"], rtol=1e-12)
    local = table["predicted_at"].dt.tz_convert("America/New_York")
    assert (local.dt.hour == 18).all()
    assert (local.dt.tz_localize(None).dt.normalize() == table["session_date"]).all()
    assert (table["known_at"] <= table["predicted_at"]).all()
    assert table["prediction_id"].is_unique


def test_reasons_are_the_mean_contributions_of_the_members_largest_first(model):
    members, _, rows = model
    X = rows[list(FEATURES)]
    mean = np.mean(
        [m.model.contributions(feature_matrix(X, m.recipe.features))[:, :-1] for m in members],
        axis=0,
    )
    assert all(m.recipe.features == FEATURES for m in members)
    for text, row in zip(reasons_of(members, X, 3), mean, strict=True):
        reasons = json.loads(text)
        assert len(reasons) == 3
        values = [abs(value) for _, value in reasons]
        assert values == sorted(values, reverse=True)
        for name, value in reasons:
            assert value == pytest.approx(row[FEATURES.index(name)], abs=1e-4)
        assert values[-1] >= np.sort(np.abs(row))[-3] - 1e-4


def test_a_model_whose_learners_give_no_contributions_gives_no_reasons(model):
    silent = Member(model[0][0].recipe, SimpleNamespace(has_contributions=False))
    assert reasons_of([silent], model[2][list(FEATURES)].iloc[:2], 3) == ["[]", "[]"]


def test_nothing_to_say_gives_an_empty_table_of_the_same_columns(model):
    assert tuple(no_predictions().columns) == PREDICTION_COLUMNS
    assert say(model, model[2], 1, 2, 3).empty
