"""A split that leaks makes every later number a lie, so each rule is tested as a property."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.contracts.config import SplitsConfig
from trading_pipeline.domain.bars.sessions import session_dates, session_ordinals, session_table
from trading_pipeline.domain.splits.folds import fold_table
from trading_pipeline.domain.splits.protocol import (
    judgeable_sessions,
    make_protocol,
    protocol_of_record,
    renewal_due,
)
from trading_pipeline.domain.splits.purged import purged_inner_folds
from trading_pipeline.domain.splits.training import holdout_rows, holdout_table, training_rows
from trading_pipeline_tests.domain.settings_of import shipped

FIRST = 6000
HORIZON = 4
CONFIG = shipped(
    SplitsConfig, "splits", n_folds=3, embargo_sessions=2, holdout_sessions=20, window_sessions=30
)
KFOLD = CONFIG.model_copy(update={"scheme": "purged_kfold"})


def labels_of(pairs, last_session, n_symbols=1):
    """Return labels of (symbol number, session offset, sessions held) triples."""
    symbol, offset, held = np.array(pairs).T
    session = FIRST + offset
    end = session + held
    return pd.DataFrame(
        {
            "symbol": [f"S{number % max(n_symbols, 1)}" for number in symbol],
            "session_date": session_dates(session),
            "session": session,
            "start_session": session + 1,
            "end_session": end,
            "label": np.where(end <= FIRST + last_session, 1.0, np.nan),
            "is_closed": end <= FIRST + last_session,
        }
    )


def whole_market(n_sessions=100, n_symbols=2, held=HORIZON):
    """Return labels of every symbol on every session."""
    triples = [(s, i, held) for s in range(n_symbols) for i in range(n_sessions)]
    return labels_of(triples, n_sessions - 1, n_symbols)


def sessions_of(n_sessions=100):
    return pd.DatetimeIndex(session_table()["session_date"].iloc[FIRST : FIRST + n_sessions])


LABELS = whole_market()
OPENS = {"holdout_start": session_dates(np.array([FIRST + 80]))[0].date()}
PROTOCOL = make_protocol(sessions_of(), LABELS, CONFIG.model_copy(update=OPENS), "market")


def test_the_holdout_is_the_last_sessions_from_a_month_start_and_the_blocks_tile_the_rest():
    days = sessions_of()
    opens = next(i for i in range(80, 100) if days[i].month != days[i - 1].month)
    protocol = make_protocol(days, LABELS, CONFIG, "market")
    assert protocol.holdout_start == days[opens].date()
    assert protocol.holdout_end == days[99].date()
    assert protocol.train_start == days[0].date()
    trained = opens - HORIZON - 1
    blocks = np.array_split(np.arange(trained + 1), 3)
    assert protocol.block_starts == tuple(days[block[0]].date() for block in blocks)


def test_a_thin_end_of_the_data_holds_nothing_out_and_an_open_one_stays():
    labels = whole_market()
    dates = pd.DatetimeIndex(labels["session_date"].unique()).sort_values()
    assert judgeable_sessions(labels.sample(frac=1, random_state=1)).equals(dates)
    thin = labels["session_date"] >= dates[60]
    thinned = labels.assign(label=labels["label"].mask(thin & labels["is_closed"]))
    assert judgeable_sessions(thinned).equals(dates[:60])
    inside = labels["session_date"].isin(dates[30:40])
    gap = labels.assign(label=labels["label"].mask(inside))
    assert judgeable_sessions(gap).equals(dates)
    assert judgeable_sessions(labels.assign(label=np.nan)).equals(dates)


def test_a_holdout_that_lies_inside_one_month_keeps_its_sessions():
    days = sessions_of()
    short = CONFIG.model_copy(update={"holdout_sessions": 3})
    assert make_protocol(days, LABELS, short, "market").holdout_start == days[97].date()


def test_the_holdout_takes_no_more_than_its_share_of_few_sessions():
    few = CONFIG.model_copy(update={"holdout_sessions": 504})
    days = sessions_of()
    assert make_protocol(days, LABELS, few, "market").holdout_start >= days[75].date()


def test_configured_dates_rule_the_holdout_and_are_never_renewed():
    days = sessions_of()
    fixed = CONFIG.model_copy(
        update={"holdout_start": days[60].date(), "holdout_end": days[70].date()}
    )
    protocol = make_protocol(days, LABELS, fixed, "market")
    assert (protocol.holdout_start, protocol.holdout_end) == (days[60].date(), days[70].date())
    assert not renewal_due(protocol, days[99].date(), fixed)
    # 2009-01-31 is a Saturday: the hold-out begins on the session after it.
    weekend = CONFIG.model_copy(update={"holdout_start": date(2009, 1, 31)})
    days = pd.DatetimeIndex(session_table()["session_date"].iloc[FIRST : FIRST + 200])
    protocol = make_protocol(days, whole_market(200), weekend, "market")
    assert protocol.holdout_start == date(2009, 2, 2)
    assert protocol.holdout_end == days[-1].date()


def test_a_protocol_is_renewed_after_more_than_the_configured_sessions():
    due = CONFIG.renew_after_sessions
    after = session_dates(np.array([FIRST + 99 + due, FIRST + 99 + due + 1]))
    assert not renewal_due(PROTOCOL, after[0].date(), CONFIG)
    assert renewal_due(PROTOCOL, after[1].date(), CONFIG)


def test_too_few_sessions_are_refused_with_a_remedy():
    with pytest.raises(ValueError, match=r"fewer splits\.n_folds"):
        make_protocol(sessions_of(11), whole_market(11), CONFIG, "market")
    outside = CONFIG.model_copy(update={"holdout_start": date(2030, 1, 2)})
    with pytest.raises(ValueError, match=r"move splits\.holdout_start"):
        make_protocol(sessions_of(), LABELS, outside, "market")


def test_a_protocol_survives_its_record_and_its_id_is_the_hash_of_its_fields():
    record = PROTOCOL.record()
    assert protocol_of_record(record) == PROTOCOL
    stored = record | {"holdout_start": pd.Timestamp(record["holdout_start"])}
    assert protocol_of_record(stored) == PROTOCOL
    with pytest.raises(ValueError, match="does not match its fields"):
        protocol_of_record(record | {"embargo_sessions": 3})
    other = make_protocol(sessions_of(), LABELS, CONFIG, "another market")
    assert other.protocol_id != PROTOCOL.protocol_id


def test_more_sessions_move_no_edge_of_a_protocol_in_force():
    later = whole_market(130)
    before, after = fold_table(LABELS, PROTOCOL), fold_table(later, PROTOCOL)
    pd.testing.assert_frame_equal(before, after)


def test_the_first_walk_forward_block_has_nothing_to_train_on():
    table = fold_table(LABELS, PROTOCOL)
    sizes = table.groupby(["fold", "role"]).size().to_dict()
    # Two symbols; block 2 opens at session 26: labels of 0..21 end before it.
    assert sizes == {
        (1, "test"): 52,
        (2, "test"): 50,
        (2, "train"): 44,
        (3, "test"): 50,
        (3, "train"): 94,
    }


ragged = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 99), st.integers(1, 30)),
    min_size=20,
    max_size=90,
    unique_by=lambda triple: triple[:2],
)


@given(triples=ragged, config=st.sampled_from([CONFIG, KFOLD]))
@settings(max_examples=30, deadline=None)
def test_every_fold_trains_on_exactly_the_labels_clear_of_its_test_block(triples, config):
    labels = labels_of(triples, 99, n_symbols=3)
    try:
        protocol = make_protocol(sessions_of(), labels, config, "market")
    except ValueError:
        return
    table = fold_table(labels, protocol)
    shuffled = fold_table(labels.sample(frac=1, random_state=1), protocol)
    pd.testing.assert_frame_equal(table, shuffled)
    roles = {
        (row.fold, row.symbol, row.session_date): row.role
        for row in table.itertuples(index=False)
        if row.role == "train"
    }
    tested = table[table["role"] == "test"].merge(labels, on=["symbol", "session_date"])
    edges = session_ordinals(
        pd.DatetimeIndex([*protocol.block_starts, protocol.holdout_start])
    ).tolist()
    holdout = edges[-1]
    for fold in range(1, 4):
        opens, until = edges[fold - 1 : fold + 1]
        block = tested[tested["fold"] == fold]
        assert block["session"].between(opens, until, inclusive="left").all()
        closes = block["end_session"].max()
        for row in labels.itertuples(index=False):
            clear = row.end_session < opens
            if config is KFOLD:
                clear |= row.start_session > closes + protocol.embargo_sessions
            is_train = clear and row.is_closed and row.end_session < holdout and len(block) > 0
            assert ((fold, row.symbol, row.session_date) in roles) == is_train
    # Every label that ends before the hold-out is tested whole and exactly once.
    assert len(tested) == (labels["is_closed"] & (labels["end_session"] < holdout)).sum()
    assert not tested.duplicated(["symbol", "session_date"]).any()


def test_one_label_that_spans_a_whole_fold_trains_for_none_it_touches():
    long = labels_of([(5, 20, 25)], 99, n_symbols=6)
    table = fold_table(pd.concat([LABELS, long], ignore_index=True), PROTOCOL)
    roles = table[table["symbol"] == "S5"].set_index("fold")["role"].to_dict()
    # It ends at session 45, inside block 2, before block 3 opens at 51.
    assert roles == {1: "test", 3: "train"}


spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), min_size=8, max_size=80)


def label_spans(pairs):
    """Turn (first session, sessions held) pairs into label start and end ordinals."""
    first, held = np.array(pairs).T
    return first, first + held


@given(pairs=spans, n_folds=st.integers(2, 6), embargo=st.integers(0, 5))
@settings(deadline=None)
def test_inner_folds_train_on_exactly_the_rows_clear_of_the_block_and_test_each_once(
    pairs, n_folds, embargo
):
    start, end = label_spans(pairs)
    try:
        folds = purged_inner_folds(start, end, n_folds, embargo)
    except ValueError:
        return
    for train, test in folds:
        opens, closes = start[test].min(), end[test].max()
        for row in range(len(pairs)):
            clear = end[row] < opens or start[row] > closes + embargo
            assert (row in train) == clear
    tested = [set(start[test]) for _, test in folds]
    assert sorted(s for block in tested for s in block) == sorted(set(start))


def test_inner_folds_refuse_what_they_cannot_split():
    start = np.arange(5)
    with pytest.raises(ValueError, match="cannot split"):
        purged_inner_folds(start, start, 6, 0)
    with pytest.raises(ValueError, match="before it starts"):
        purged_inner_folds(start, start - 1, 2, 0)
    with pytest.raises(ValueError, match="no training row"):
        purged_inner_folds(start, start + 9, 2, 9)


def archive_of(labels, spans_of_events):
    """Return archive keys of every label inside the session spans."""
    parts = [
        labels[labels["session"].between(FIRST + first, FIRST + last)].assign(event=event)
        for event, (first, last) in spans_of_events.items()
    ]
    return pd.concat(parts)[["event", "symbol", "session"]]


def test_training_is_the_last_sessions_that_ended_and_the_older_archive_each_row_once():
    archive = archive_of(LABELS, {"old": (5, 9), "half": (28, 33), "open": (58, 66)})
    chosen = training_rows(LABELS, PROTOCOL, FIRST + 65, 30, archive)
    rows = LABELS.iloc[chosen.rows].assign(event=chosen.event)
    # Labels of sessions up to 60 end before 65; the window holds 31..60.
    window = rows[rows["event"].isna()]
    assert set(window["session"] - FIRST) == set(range(31, 61))
    assert set(rows.loc[rows["event"] == "old", "session"] - FIRST) == set(range(5, 10))
    # An archived row inside the window is a window row; older ones of the event come beside it.
    assert set(rows.loc[rows["event"] == "half", "session"] - FIRST) == {28, 29, 30}
    assert not rows.duplicated(["symbol", "session"]).any()
    assert len(rows) == 2 * (30 + 5 + 3)
    assert rows[["symbol", "session"]].apply(tuple, axis=1).is_monotonic_increasing


def test_an_event_that_has_not_ended_before_the_cut_teaches_nothing():
    archive = archive_of(LABELS, {"long": (2, 70)})
    chosen = training_rows(LABELS, PROTOCOL, FIRST + 65, 10, archive)
    assert set(chosen.event) == {None}
    later = training_rows(LABELS, PROTOCOL, FIRST + 75, 10, archive)
    assert "long" in set(later.event)


@given(triples=ragged, cut=st.integers(1, 110), window=st.integers(1, 60), seed=st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_no_training_row_reaches_the_cut_or_the_holdout_whatever_the_row_order(
    triples, cut, window, seed
):
    labels = labels_of(triples, 99, n_symbols=3)
    archive = archive_of(labels, {"first": (0, 30), "second": (40, 85)})
    chosen = training_rows(labels, PROTOCOL, FIRST + cut, window, archive)
    rows = labels.iloc[chosen.rows]
    assert (rows["end_session"] < min(FIRST + cut, FIRST + 80)).all()
    assert rows["is_closed"].all()
    assert rows.loc[chosen.event == None, "session"].nunique() <= window  # noqa: E711
    shuffled = labels.sample(frac=1, random_state=seed)
    again = training_rows(shuffled, PROTOCOL, FIRST + cut, window, archive.iloc[::-1])
    pd.testing.assert_frame_equal(
        rows.reset_index(drop=True), shuffled.iloc[again.rows].reset_index(drop=True)
    )
    assert chosen.event.tolist() == again.event.tolist()


def test_an_event_that_reaches_into_the_holdout_never_trains():
    archive = archive_of(LABELS, {"early": (2, 6), "late": (40, 85)})
    chosen = training_rows(LABELS, PROTOCOL, FIRST + 100, 10, archive)
    assert set(chosen.event) == {None, "early"}


def test_a_refit_after_the_verdict_may_use_the_holdout():
    held_back = training_rows(LABELS, PROTOCOL, FIRST + 100, 200)
    refit = training_rows(LABELS, None, FIRST + 100, 200)
    assert LABELS["end_session"].iloc[held_back.rows].max() == FIRST + 79
    assert LABELS["end_session"].iloc[refit.rows].max() == FIRST + 99


def test_the_holdout_counts_its_closed_labels_and_what_it_cuts_off():
    inside = holdout_rows(LABELS, PROTOCOL)
    assert set(LABELS.loc[inside, "session"] - FIRST) == set(range(80, 96))
    row = holdout_table(LABELS, PROTOCOL).iloc[0]
    assert (row["n_sessions"], row["n_rows"], row["n_purged"]) == (16, 32, 8)
    assert row["protocol_id"] == PROTOCOL.protocol_id
