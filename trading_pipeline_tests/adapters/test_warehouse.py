"""Rows go in exactly as the contract says, or not at all, and come out in our conventions."""

import re
import threading

import duckdb
import numpy as np
import pandas as pd
import pytest

from trading_pipeline.contracts.errors import WarehouseBusyError
from trading_pipeline.contracts.vocabulary import LAKE_TABLES
from trading_pipeline_tests.adapters.conftest import second_process


def test_rows_come_back_as_they_went_in(warehouse, vix, provenance):
    warehouse.replace("bars.vix", vix[vix.columns[::-1]], provenance)
    back = warehouse.read(f"select {', '.join(vix.columns)} from bars.vix order by session_date")
    pd.testing.assert_frame_equal(back, vix)
    assert str(back.session_date.dtype) == "datetime64[ns]"
    assert str(back.known_at.dtype) == "datetime64[ns, UTC]"


def test_nan_is_stored_as_missing_and_every_row_names_its_versions(warehouse, vix, provenance):
    warehouse.replace("bars.vix", vix, provenance)
    assert warehouse.read("select count(*) as n from bars.vix where open is null").n[0] == 1
    stamps = warehouse.read(
        "select distinct run_id, code_version, data_version, config_version from bars.vix"
    )
    assert stamps.values.tolist() == [["run-1", "code-1", "data-1", "config-1"]]


def test_whole_numbers_text_and_booleans_keep_their_kind(warehouse):
    frame = warehouse.read(
        "select * from (values (1::integer, 1::hugeint, 'a', true, true, 0.5),"
        " (null, 2, null, false, null, 1.5)) as t(gap, whole, text, flag, maybe, number)"
    )
    kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
    assert kinds == {
        "gap": "float64",
        "whole": "int64",
        "text": "object",
        "flag": "bool",
        "maybe": "object",
        "number": "float64",
    }
    assert np.isnan(frame.gap[1])
    assert frame.maybe.isna().tolist() == [False, True]


def test_parameters_may_be_numpy_s_and_pandas_values(warehouse):
    day = np.datetime64("2020-01-02")
    frame = warehouse.read(
        "select $n + 1 as n, $x as x, $day::date as day, $gap::date as gap",
        {"n": np.int64(1), "x": np.float64(0.5), "day": day, "gap": pd.NaT},
    )
    assert frame.iloc[0, :3].tolist() == [2, 0.5, pd.Timestamp(day)]
    assert frame.gap.isna().all()


def test_an_empty_result_keeps_its_kinds(warehouse):
    kinds = warehouse.read("select symbol, session_date, known_at, session from bars.daily").dtypes
    assert [str(kind) for kind in kinds] == [
        "object",
        "datetime64[ns]",
        "datetime64[ns, UTC]",
        "int64",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="close"), "bars.vix lacks close"),
        (lambda f: f.assign(extra=1), "bars.vix has unknown extra"),
        (lambda f: f.assign(close=float("nan")), r"bars.vix.close .* 3 missing values"),
        (lambda f: f.assign(close="12"), r"bars.vix.close \(double\) cannot take"),
        (lambda f: f.assign(close=True), "a boolean is no number"),
        (lambda f: f.assign(known_at=f.session_date), "without a time zone"),
        (lambda f: f.assign(session_date=f.session_date + pd.Timedelta("1h")), "at midnight"),
    ],
)
def test_a_frame_that_does_not_fit_changes_nothing(warehouse, vix, provenance, change, message):
    warehouse.replace("bars.vix", vix, provenance)
    before = warehouse.content_hash("bars.vix")
    with pytest.raises(ValueError, match=message):
        warehouse.replace("bars.vix", change(vix), provenance)
    assert warehouse.content_hash("bars.vix") == before
    assert len(warehouse.read("from provenance.materializations")) == 1


def test_a_fraction_is_no_whole_number(warehouse, provenance):
    frame = pd.DataFrame(
        {
            "protocol_id": "p",
            "fold": [0.5],
            "symbol": "A",
            "session_date": pd.Timestamp("2020-01-02"),
        }
    ).assign(role="train")
    with pytest.raises(ValueError, match=r"splits.folds.fold \(integer\)"):
        warehouse.replace("splits.folds", frame, provenance)


def test_a_part_is_replaced_where_it_is_named(warehouse, vix, provenance):
    warehouse.replace("bars.vix", vix, provenance)
    late = vix.iloc[1:].assign(close=99.0)
    cut = vix.session_date[1]
    warehouse.replace(
        "bars.vix", late, provenance, where="session_date >= $cut", params={"cut": cut}
    )
    closes = warehouse.read("select close from bars.vix order by session_date").close
    assert closes.tolist() == [12.5, 99.0, 99.0]
    assert warehouse.latest_materialization("bars.vix").n_rows == 3


def test_a_query_replaces_a_table_as_a_frame_does(warehouse, vix, provenance):
    by_frame = warehouse.replace("bars.vix", vix, provenance)
    by_query = warehouse.replace_from_sql(
        "bars.vix",
        "select session_date, case when open is null then 'nan'::double else open end as open,"
        " high, low, close, known_at from bars.vix where close > $least",
        {"least": 0},
        provenance,
    )
    assert by_query == by_frame
    assert warehouse.read("select count(*) as n from bars.vix where isnan(open)").n[0] == 0


def test_the_ledger_holds_the_newest_write(warehouse, vix, provenance):
    assert warehouse.latest_materialization("bars.vix") is None
    warehouse.replace("bars.vix", vix.iloc[:1], provenance)
    content_hash = warehouse.replace("bars.vix", vix, provenance)
    newest = warehouse.latest_materialization("bars.vix")
    assert (newest.content_hash, newest.n_rows, newest.seconds) == (content_hash, 3, 1.5)
    assert newest.inputs_version == "inputs-1"
    assert warehouse.materializations() == {"bars.vix": newest}


def test_appended_rows_stay_and_a_key_is_taken_once(warehouse):
    request = pd.DataFrame(
        {
            "episode_id": ["e1"],
            "run_key": ["k"],
            "bars_version": ["b"],
            "requested_at": pd.to_datetime(["2020-01-02T10:00Z"]),
        }
    )
    warehouse.append("drift.requests", request)
    warehouse.append("drift.requests", request.assign(episode_id="e2"))
    with pytest.raises(ValueError, match=r"drift\.requests refuses"):
        warehouse.append("drift.requests", request)
    assert len(warehouse.read("from drift.requests")) == 2


def test_each_kind_of_table_has_its_own_way_in(warehouse, vix, provenance):
    with pytest.raises(ValueError, match="appended, not replaced"):
        warehouse.replace("drift.requests", vix, provenance)
    with pytest.raises(ValueError, match="write them through Lake"):
        warehouse.replace("bars.minute", vix, provenance)
    with pytest.raises(ValueError, match=r"no table 'bars\.nothing'"):
        warehouse.replace("bars.nothing", vix, provenance)


def test_an_error_rolls_the_transaction_back(warehouse, vix, provenance):
    warehouse.replace("bars.vix", vix, provenance)
    with pytest.raises(duckdb.Error), warehouse.writer() as connection:
        connection.execute("delete from bars.vix; select nonsense")
    assert len(warehouse.read("from bars.vix")) == 3


def test_a_reader_inside_a_reader_shares_the_file_and_a_writer_there_is_refused(warehouse):
    with warehouse.reader() as outer:
        assert warehouse.read("select count(*) as n from memory.archive").n[0] == 0
        with pytest.raises(RuntimeError, match="inside a reader"), warehouse.writer():
            pass
        assert outer.execute("select count(*) from bars.vix").fetchone() == (0,)
    with warehouse.writer(), pytest.raises(RuntimeError, match="inside a writer"):
        warehouse.read("select 1")


def test_every_lake_table_reads_as_typed_and_empty_before_it_is_written(warehouse):
    for table in LAKE_TABLES:
        frame = warehouse.read(f"from {table}")
        assert frame.empty
        assert str(frame.session_date.dtype) == "datetime64[ns]"


def test_threads_of_one_process_take_turns(warehouse, vix, provenance):
    faults = []

    def work(write):
        try:
            for _ in range(4):
                if write:
                    warehouse.replace("bars.vix", vix, provenance)
                elif warehouse.read("select count(*) as n from bars.vix").n[0] not in (0, 3):
                    faults.append("half a write was seen")
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(n % 2 == 0,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


HOLD = """
import sys, time
from pathlib import Path
from trading_pipeline.adapters.warehouse import Warehouse
with Warehouse(Path({home!r}), threads=1).{mode}() as connection:
    print("ready", flush=True)
    time.sleep({seconds})
"""


@pytest.mark.parametrize("mode", ["reader", "writer"])
def test_a_second_writer_waits_then_names_the_holder(warehouse, vix, provenance, mode):
    code = HOLD.format(home=str(warehouse.home), mode=mode, seconds=60)
    impatient = type(warehouse)(warehouse.home, lock_wait_seconds=0.2, threads=1)
    with second_process(code) as holder, pytest.raises(WarehouseBusyError) as caught:
        impatient.replace("bars.vix", vix, provenance)
    assert re.search(rf"held by process {holder.pid} \(.*python.*stop it", str(caught.value))


def test_a_reader_waits_for_a_writer_of_another_process(warehouse):
    code = HOLD.format(home=str(warehouse.home), mode="writer", seconds=0.5)
    with second_process(code):
        assert warehouse.read("select count(*) as n from bars.vix").n[0] == 0


def test_a_busy_thread_of_this_process_is_named(warehouse):
    impatient = type(warehouse)(warehouse.home, lock_wait_seconds=0.1, threads=1)
    caught = []

    def read():
        try:
            impatient.read("select 1")
        except WarehouseBusyError as error:
            caught.append(str(error))

    with warehouse.reader():
        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
    assert "MainThread" in caught[0]
