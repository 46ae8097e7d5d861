"""A content hash changes exactly when the rows do."""

import dataclasses

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.adapters.fingerprints import relation_hash

ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1)),
        st.one_of(st.none(), st.floats(allow_nan=False, width=64)),
        st.one_of(st.none(), st.sampled_from(["", "a", "b", "ab"])),
    ),
    max_size=12,
)


ENGINE = duckdb.connect(config={"threads": "1"})


def hash_of(rows):
    ENGINE.execute("create or replace table t (i integer, d double, s varchar)")
    if rows:
        ENGINE.execute(
            f"insert into t values {', '.join(['(?, ?, ?)'] * len(rows))}",
            [value for row in rows for value in row],
        )
    return relation_hash(ENGINE, "t")[0]


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, random=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert hash_of(shuffled) == hash_of(rows)


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, other=ROWS)
def test_two_tables_hash_alike_only_where_their_rows_are_the_same(rows, other):
    def bag(items):
        return sorted(map(repr, ((i, 0.0 if d == 0 else d, s) for i, d, s in items)))

    assert (hash_of(rows) == hash_of(other)) == (bag(rows) == bag(other))


def test_one_bit_of_one_double_a_lost_row_and_a_doubled_row_all_show(warehouse, vix, provenance):
    hashes = {
        warehouse.replace("bars.vix", frame, provenance)
        for frame in (
            vix,
            vix.assign(close=[12.5, 13.5, 14.500000000000002]),
            vix.iloc[:2],
            vix.iloc[[0, 1, 2, 2]],
            vix.assign(open=vix.high, high=vix.open.fillna(0)),
            vix.iloc[:0],
        )
    }
    assert len(hashes) == 6


def test_run_and_versions_stay_out_unless_asked_for(warehouse, vix, provenance):
    first = warehouse.replace("bars.vix", vix, provenance)
    first_all = warehouse.content_hash("bars.vix", with_provenance=True)
    rerun = dataclasses.replace(provenance, run_id="run-2")
    assert warehouse.replace("bars.vix", vix, rerun) == first
    assert warehouse.content_hash("bars.vix", with_provenance=True) == first_all
    newer = dataclasses.replace(provenance, code_version="code-2")
    assert warehouse.replace("bars.vix", vix, newer) == first
    assert warehouse.content_hash("bars.vix", with_provenance=True) != first_all


@pytest.mark.parametrize("name", ["mlflow_run_id", "decided_at", "seconds", "run_id"])
def test_ids_of_runs_stamps_and_durations_stay_out(name):
    with duckdb.connect() as connection:
        plain = relation_hash(connection, f"(select 1 as x, 5 as {name})")
        assert relation_hash(connection, f"(select 1 as x, 6 as {name})") == plain
        assert relation_hash(connection, f"(select 2 as x, 5 as {name})") != plain


def test_a_part_and_chosen_columns_can_be_hashed(warehouse, vix, provenance):
    warehouse.replace("bars.vix", vix, provenance)
    early = warehouse.content_hash(
        "bars.vix",
        where="session_date < $cut",
        params={"cut": vix.session_date[2]},
        columns=["session_date", "close"],
    )
    changed = vix.assign(close=[12.5, 13.5, 1.0], open=1.0)
    warehouse.replace("bars.vix", changed, provenance)
    assert early == warehouse.content_hash(
        "bars.vix",
        where="session_date < $cut",
        params={"cut": vix.session_date[2]},
        columns=["session_date", "close"],
    )
    with pytest.raises(ValueError, match="no column to hash"):
        warehouse.content_hash("bars.vix", columns=[])
