"""The lake shows whole tables only: what a ledger row names, nothing half-written, no orphan."""

import dataclasses
import os

import duckdb
import pandas as pd
import pytest

from trading_pipeline.adapters.lake import Lake
from trading_pipeline.adapters.warehouse import Warehouse

MINUTES = """
    select 'S' || symbol as symbol, opens_at::date as session_date, opens_at,
        opens_at + to_minutes(1) as closes_at, 1.0::double as open, 2.0::double as high,
        0.5::double as low, minute::double as close,
        case when minute = 0 then 'nan'::double else 10 end as volume, true as is_regular,
        'vendor' as vendor, closes_at as known_at
    from range(3) as symbols(symbol), range($n_minutes) as minutes(minute),
        (select unnest([timestamptz '2020-01-31 15:00:00+00', '2020-02-03 15:00:00+00']) as day),
        lateral (select day + to_minutes(minute) as opens_at)
"""


@pytest.fixture
def lake(warehouse):
    return Lake(warehouse)


def files_of(lake):
    found = sorted((lake.home / "lake").rglob("*"))
    return [path for path in found if path.is_file()]


def stamps_of(lake):
    return {path.parent.name: path.stat().st_mtime_ns for path in files_of(lake)}


def test_a_frame_is_cut_by_year_and_read_back_whole(lake, features, provenance):
    written = lake.write_frame("features.daily", features, provenance)
    assert (written.n_rows, written.n_partitions, written.n_rewritten) == (8, 3, 3)
    folder = lake.home / "lake/features/daily"
    assert [str(path.relative_to(folder)) for path in files_of(lake)] == [
        f"year={year}/data.parquet" for year in (2019, 2020, 2021)
    ]
    names = ", ".join(features.columns)
    back = lake.warehouse.read(f"select {names} from features.daily order by session")
    pd.testing.assert_frame_equal(back, features)
    everything = lake.warehouse.read("from features.daily")
    assert "year" not in everything
    assert everything.run_id.unique().tolist() == ["run-1"]


def test_rows_in_a_file_are_sorted_by_symbol_then_time(lake, features, provenance):
    lake.write_frame("features.daily", features, provenance)
    path = str(lake.home / "lake/features/daily/year=2019/data.parquet")
    rows = duckdb.execute("select symbol, session_date::varchar from read_parquet($p)", {"p": path})
    assert rows.fetchall() == [
        ("AAA", "2019-12-30"),
        ("AAA", "2019-12-31"),
        ("BBB", "2019-12-30"),
        ("BBB", "2019-12-31"),
    ]


def test_a_query_is_cut_by_month_and_nan_becomes_missing(lake, provenance):
    written = lake.write_from_sql("bars.minute", MINUTES, {"n_minutes": 5}, provenance)
    assert (written.n_rows, written.n_partitions) == (30, 2)
    counts = lake.warehouse.read(
        "select count(*) as n, count(volume) as n_volume from bars.minute"
    ).iloc[0]
    assert counts.tolist() == [30, 24]
    assert lake.warehouse.content_hash("bars.minute") == written.content_hash
    assert lake.warehouse.latest_materialization("bars.minute").n_rows == 30


def test_a_partition_with_the_same_rows_is_not_written_again(lake, features, provenance):
    first = lake.write_frame("features.daily", features, provenance)
    before = stamps_of(lake)
    rerun = dataclasses.replace(provenance, run_id="run-2", code_version="code-2")
    again = lake.write_frame("features.daily", features.iloc[::-1], rerun)
    assert (again.n_rewritten, again.content_hash) == (0, first.content_hash)
    assert stamps_of(lake) == before
    changed = features.assign(rsi_14=features.rsi_14.where(features.session != 3, 51.0))
    assert lake.write_frame("features.daily", changed, provenance).n_rewritten == 1
    after = stamps_of(lake)
    assert [year for year in before if after[year] != before[year]] == ["year=2021"]


def test_a_lost_file_is_skipped_by_readers_and_written_again(lake, features, provenance):
    lake.write_frame("features.daily", features, provenance)
    (lake.home / "lake/features/daily/year=2020/data.parquet").unlink()
    assert len(lake.warehouse.read("from features.daily")) == 6
    assert lake.write_frame("features.daily", features, provenance).n_rewritten == 1
    assert len(lake.warehouse.read("from features.daily")) == 8


def test_a_partition_that_is_gone_leaves_ledger_and_disk(lake, features, provenance):
    lake.write_frame("features.daily", features, provenance)
    fewer = features[features.session_date.dt.year != 2020]
    assert lake.write_frame("features.daily", fewer, provenance).n_partitions == 2
    ledger = lake.warehouse.read("select partition, n_rows, n_bytes from provenance.partitions")
    assert sorted(ledger.partition) == ["year=2019", "year=2021"]
    assert (ledger.n_bytes > 0).all()
    assert sorted(stamps_of(lake)) == ["year=2019", "year=2021"]
    nothing = lake.write_frame("features.daily", features.iloc[:0], provenance)
    assert (nothing.n_rows, files_of(lake)) == (0, [])
    assert lake.warehouse.read("from features.daily").empty


def test_a_file_the_ledger_does_not_name_is_invisible(lake, features, provenance):
    lake.write_frame("features.daily", features, provenance)
    folder = lake.home / "lake/features/daily"
    content = (folder / "year=2019/data.parquet").read_bytes()
    (folder / "year=1999").mkdir()
    (folder / "year=1999/data.parquet").write_bytes(content)
    (folder / "year=2019/next-0000.parquet").write_bytes(content)
    (folder / f"year=2019/draft-{2**22 + 1}-ab.tmp").write_bytes(b"half")
    assert len(lake.warehouse.read("from features.daily")) == 8
    lake.warehouse.migrate()
    assert len(files_of(lake)) == 3


def test_a_committed_file_that_waits_for_its_place_is_what_readers_see(lake, features, provenance):
    lake.write_frame("features.daily", features, provenance)
    changed = features.assign(return_1=features.return_1 + 1)
    with pytest.MonkeyPatch.context() as patch:
        # As if killed right after the commit.
        patch.setattr("trading_pipeline.adapters.lake.settle", lambda *_: None)
        lake.write_frame("features.daily", changed, provenance)
    assert len(list((lake.home / "lake").rglob("next-*.parquet"))) == 3
    total = "select sum(return_1) as total from features.daily"
    assert lake.warehouse.read(total).total[0] == pytest.approx(changed.return_1.sum())
    lake.warehouse.migrate()
    assert {path.name for path in files_of(lake)} == {"data.parquet"}
    assert lake.warehouse.read(total).total[0] == pytest.approx(changed.return_1.sum())


def test_a_write_that_dies_before_its_commit_changes_nothing(lake, features, provenance):
    first = lake.write_frame("features.daily", features, provenance)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trading_pipeline.adapters.lake.record_write", fail)
        with pytest.raises(OSError, match="disk full"):
            lake.write_frame("features.daily", features.assign(return_1=9.0), provenance)
    assert lake.warehouse.content_hash("features.daily") == first.content_hash
    assert lake.warehouse.read("select max(return_1) as top from features.daily").top[0] < 9
    # The rows of the ledger are those of the files, also for a writer that compares with them.
    assert lake.write_frame("features.daily", features, provenance).n_rewritten == 0
    assert lake.warehouse.read("select max(return_1) as top from features.daily").top[0] < 9
    assert {path.name for path in files_of(lake)} == {"data.parquet"}


def fail(*_):
    raise OSError("disk full")


def test_a_column_that_a_migration_adds_reads_as_missing_in_older_files(lake, features, provenance):
    lake.write_frame("features.daily", features, provenance)
    with lake.warehouse.writer() as connection:
        connection.execute("alter table features.daily add column sector varchar")
    frame = lake.warehouse.read("from features.daily")
    assert frame.sector.isna().all()
    assert frame.return_1.notna().all()


@pytest.mark.parametrize(
    ("select", "message"),
    [
        ("select * exclude (close) from (@)", r"bars\.minute lack close"),
        ("select *, 1 as extra from (@)", r"bars\.minute have unknown extra"),
        ("select * replace (null::double as close) from (@)", r"missing values in close"),
        ("select * replace ('2' as close) from (@)", r"bars\.minute\.close is double"),
        ("select * replace (opens_at::timestamp as opens_at) from (@)", "cast it there"),
    ],
)
def test_a_query_that_does_not_fit_writes_nothing(lake, provenance, select, message):
    query = select.replace("@", MINUTES)
    with pytest.raises(ValueError, match=message):
        lake.write_from_sql("bars.minute", query, {"n_minutes": 2}, provenance)
    assert files_of(lake) == []
    assert lake.warehouse.read("from provenance.materializations").empty


def test_only_lake_tables_are_written_here(lake, vix, provenance):
    with pytest.raises(ValueError, match="no lake table"):
        lake.write_frame("bars.vix", vix, provenance)


def test_staging_of_killed_writers_is_removed_and_that_of_living_ones_kept(
    lake, features, provenance
):
    staging = lake.home / "lake/.staging"
    for name in (f"{2**22 + 1}-dead", f"{os.getppid()}-alive"):
        (staging / name).mkdir(parents=True)
    lake.write_frame("features.daily", features, provenance)
    assert [path.name for path in staging.iterdir()] == [f"{os.getppid()}-alive"]


def test_content_is_the_same_with_more_threads(lake, provenance, tmp_path, empty_warehouse):
    home = tmp_path / "other"
    home.mkdir()
    (home / "warehouse.duckdb").write_bytes(empty_warehouse)
    other = Lake(Warehouse(home, threads=4))
    written = [
        each.write_from_sql("bars.minute", MINUTES, {"n_minutes": 300}, provenance).content_hash
        for each in (lake, other)
    ]
    assert written[0] == written[1]
