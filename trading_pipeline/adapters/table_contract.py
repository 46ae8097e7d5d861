"""The data contract, read from the migrations: tables, columns, types and units."""

from dataclasses import dataclass
from functools import lru_cache

import duckdb

from trading_pipeline.adapters.sql_files import migration_files


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its DuckDB type, and a comment with its unit."""

    name: str
    type: str
    is_nullable: bool
    comment: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table and its columns in order."""

    comment: str
    columns: tuple[Column, ...]


@lru_cache(maxsize=1)
def table_contracts() -> dict[str, Table]:
    """Return ``stage.table`` -> its contract, after all migrations."""
    with duckdb.connect() as connection:
        # Our schema `memory` would collide with the default database of that name.
        connection.execute("attach ':memory:' as contract; use contract; detach memory")
        for file in migration_files():
            connection.execute(file.sql)
        comments = connection.execute(
            "select schema_name || '.' || table_name, coalesce(comment, '') from duckdb_tables()"
        ).fetchall()
        rows = connection.execute(
            """
            select schema_name || '.' || table_name, column_name, lower(data_type), is_nullable,
                coalesce(comment, '')
            from duckdb_columns()
            where not internal
            order by schema_name, table_name, column_index
            """
        ).fetchall()
    columns: dict[str, list[Column]] = {}
    for table, *column in rows:
        columns.setdefault(table, []).append(Column(*column))
    return {table: Table(comment, tuple(columns[table])) for table, comment in comments}
