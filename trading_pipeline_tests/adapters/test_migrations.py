"""A warehouse moves forward only, is backed up first, and is never read by an older program."""

import dataclasses

import duckdb
import pytest

from trading_pipeline.adapters import sql_files
from trading_pipeline.adapters import warehouse as module
from trading_pipeline.adapters.sql_files import MigrationFile, migration_files
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.contracts.errors import InputError, NewerWarehouseError

EXTRA = MigrationFile(9001, "9001_extra", "create table bars.extra (x integer)", "hash")


def ship(monkeypatch, files):
    monkeypatch.setattr(module, "migration_files", lambda: files)


def test_a_new_home_gets_the_newest_schema(tmp_path):
    warehouse = Warehouse(tmp_path / "deep" / "home", threads=1)
    newest = migration_files()[-1].number
    assert warehouse.migrate() == newest
    applied = warehouse.read("select number, sha256 from provenance.migrations order by number")
    assert applied.sha256.tolist() == [file.sha256 for file in migration_files()]
    assert [path.name for path in warehouse.home.iterdir()] == ["warehouse.duckdb"]


def test_a_current_warehouse_is_left_untouched(warehouse):
    before = warehouse.path.stat().st_mtime_ns
    warehouse.migrate()
    assert warehouse.path.stat().st_mtime_ns == before


def test_every_table_and_column_says_what_it_holds(warehouse):
    silent = warehouse.read(
        "select schema_name, table_name, '' as column_name from duckdb_tables()"
        " where database_name = 'warehouse' and comment is null union all"
        " select schema_name, table_name, column_name from duckdb_columns()"
        " where database_name = 'warehouse' and comment is null"
    )
    assert silent.empty, silent


def test_an_older_warehouse_is_backed_up_and_keeps_its_rows(
    warehouse, monkeypatch, vix, provenance
):
    warehouse.replace("bars.vix", vix, provenance)
    files = migration_files()
    ship(monkeypatch, [*files, EXTRA])
    assert warehouse.migrate() == 9001
    assert len(warehouse.read("from bars.vix")) == 3
    assert warehouse.read("from bars.extra").empty
    backup = warehouse.home / f"warehouse.duckdb.backup-{files[-1].number:04d}"
    with duckdb.connect(str(backup), read_only=True) as connection:
        assert connection.execute("select count(*) from bars.vix").fetchone() == (3,)
        assert connection.execute("select max(number) from provenance.migrations").fetchone() == (
            files[-1].number,
        )


def test_a_migration_that_fails_leaves_the_schema_before_it(warehouse, monkeypatch):
    broken = dataclasses.replace(EXTRA, sql="create table bars.extra (x integer); select nonsense")
    ship(monkeypatch, [*migration_files(), broken])
    with pytest.raises(duckdb.Error):
        warehouse.migrate()
    assert (
        "extra" not in warehouse.read("select table_name from duckdb_tables()").table_name.tolist()
    )


def test_a_newer_warehouse_is_refused_untouched(warehouse, monkeypatch):
    ship(monkeypatch, migration_files()[:-1])
    before = warehouse.path.read_bytes()
    with pytest.raises(NewerWarehouseError, match="upgrade the program"):
        warehouse.migrate()
    assert warehouse.path.read_bytes() == before


def test_a_changed_migration_is_refused(warehouse, monkeypatch):
    first, *rest = migration_files()
    ship(monkeypatch, [dataclasses.replace(first, sha256="other"), *rest])
    with pytest.raises(InputError, match=r"0001 .* differs"):
        warehouse.migrate()


def test_a_home_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/home cannot be written .* --home"):
        Warehouse(tmp_path / "file" / "home").migrate()


def test_a_file_that_is_no_warehouse_is_named(tmp_path):
    (tmp_path / "warehouse.duckdb").write_bytes(b"something else" * 1000)
    with pytest.raises(InputError, match="cannot be opened"):
        Warehouse(tmp_path).migrate()


def test_a_missing_warehouse_says_how_to_make_one(tmp_path):
    with pytest.raises(InputError, match="trading-pipeline migrate"):
        Warehouse(tmp_path).read("select 1")


def test_sql_is_found_by_its_name_and_numbers_are_unique(tmp_path):
    assert "provenance.partitions" in sql_files.read_sql("migrations/0001_provenance")
    for name in ("0001_a.sql", "0001_b.sql"):
        (tmp_path / name).write_text("select 1")
    with pytest.raises(ValueError, match="share a number"):
        migration_files(tmp_path)


def test_the_installed_package_s_own_sql_comes_first(tmp_path, monkeypatch):
    for folder in ("sql/migrations", "package/sql/migrations"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(sql_files, "_PACKAGE", tmp_path / "package")
    assert sql_files.sql_directory() == tmp_path / "package" / "sql"
    monkeypatch.setattr(sql_files, "_PACKAGE", tmp_path / "elsewhere")
    assert sql_files.sql_directory() == tmp_path / "sql"
