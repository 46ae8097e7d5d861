"""Carries rows across the border between pandas, Arrow and the tables of the contract.

Into a table: columns are matched by name, values are cast only where nothing is lost, NaN and
NaT become NULL. Out of a table: pandas 2 with nanoseconds, UTC, int64, float64, object strings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from trading_pipeline.contracts.vocabulary import PROVENANCE_COLUMNS

_ARROW = {
    "VARCHAR": pa.string(),
    "DOUBLE": pa.float64(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", "UTC"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table, as its migration declares it."""

    name: str
    type: str
    is_nullable: bool = True


def table_columns(
    connection: duckdb.DuckDBPyConnection, table: str, *, catalog: str = "warehouse"
) -> tuple[Column, ...]:
    """Return the columns of `stage.table` in order; ValueError where there is no such table."""
    schema, _, name = table.partition(".")
    rows = connection.execute(
        "select column_name, data_type, is_nullable from duckdb_columns()"
        " where database_name = $catalog and schema_name = $schema and table_name = $name"
        " order by column_index",
        {"catalog": catalog, "schema": schema, "name": name},
    ).fetchall()
    if not rows:
        raise ValueError(f"there is no table {table!r}; tables are named stage.table")
    return tuple(Column(*row) for row in rows)


def without_provenance(table: str, columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns a frame must bring; ValueError where the table keeps no provenance."""
    kept = tuple(column for column in columns if column.name not in PROVENANCE_COLUMNS)
    if len(kept) != len(columns) - len(PROVENANCE_COLUMNS):
        raise ValueError(f"{table} has no provenance columns: its rows are appended, not replaced")
    return kept


def rows_of_frame(
    frame: pd.DataFrame, table: str, columns: Sequence[Column], *, allow_more: bool = False
) -> pa.Table:
    """Return a frame as Arrow rows in the types of the table.

    Raises ValueError, naming table and column, for a missing or extra column, a missing value
    where none may be, or a value that the column's type cannot hold exactly.
    """
    names = [str(name) for name in frame.columns]
    _match_names(table, names, columns, allow_more)
    arrays = {column.name: _array(table, column, frame[column.name]) for column in columns}
    declared = set(arrays)
    for name in sorted(set(names) - declared):
        arrays[name] = pa.array(frame[name], from_pandas=True)
    return pa.table(arrays)


def rows_of_arrow(rows: pa.Table, table: str, columns: Sequence[Column]) -> pa.Table:
    """Return Arrow rows, such as a query's result, in the types of the table; same errors."""
    _match_names(table, rows.column_names, columns, allow_more=False)
    arrays = {}
    for column in columns:
        values = rows[column.name]
        if pa.types.is_floating(values.type):
            values = pc.if_else(pc.is_nan(values), None, values)
        _refuse_kind(table, column, values.type)
        try:
            arrays[column.name] = values.cast(_ARROW[column.type])
        except pa.ArrowException as error:
            raise _unfit(table, column, error) from None
        _refuse_missing(table, column, arrays[column.name].null_count)
    return pa.table(arrays)


def bound(params: Mapping[str, object] | None) -> dict[str, object]:
    """Return a query's parameters as DuckDB takes them: NumPy's values as Python's."""
    return {name: _plain(value) for name, value in (params or {}).items()}


def _plain(value: object) -> object:
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    if value is pd.NaT or value is pd.NA:
        return None
    return value.item() if isinstance(value, np.generic) else value


def frame_of(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Return the result of the connection's last query in the conventions of the borders."""
    kinds = [str(item[1]) for item in connection.description or []]
    frame = connection.df()
    for place, kind in enumerate(kinds):
        given = frame.iloc[:, place]
        converted = _outward(given, kind)
        if converted is not given:
            frame.isetitem(place, converted.array)
    return frame


def _outward(values: "pd.Series[Any]", kind: str) -> "pd.Series[Any]":
    if kind == "DATE":
        return values.astype("datetime64[ns]")
    if kind == "TIMESTAMP WITH TIME ZONE":
        return values.astype("datetime64[ns, UTC]")
    if kind.startswith("TIMESTAMP"):
        return values.astype("datetime64[ns]")
    if kind.startswith("DECIMAL") or (kind == "DOUBLE" and values.dtype != "float64"):
        return values.astype("float64")
    if "INT" in kind and "[" not in kind:
        return values.astype("float64" if values.isna().any() else "int64")
    if kind == "BOOLEAN":
        if not values.isna().any():
            return values.astype("bool")
        nothing: Any = None
        return values.astype("object").where(values.notna(), nothing)
    return values


def _match_names(
    table: str, names: Sequence[str], columns: Sequence[Column], allow_more: bool
) -> None:
    declared = [column.name for column in columns]
    missing = [name for name in declared if name not in names]
    extra = [name for name in names if name not in declared]
    twice = sorted({name for name in names if names.count(name) > 1}) if names else []
    problems = []
    if missing:
        problems.append(f"lacks {', '.join(missing)}")
    if extra and not allow_more:
        problems.append(f"has unknown {', '.join(extra)}")
    if twice:
        problems.append(f"has twice {', '.join(twice)}")
    if problems:
        raise ValueError(f"the frame for {table} {' and '.join(problems)}")


def _array(table: str, column: Column, values: "pd.Series[Any]") -> pa.Array:
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    _refuse_kind(table, column, values.dtype)
    if column.type == "DATE" and pd.api.types.is_datetime64_any_dtype(values.dtype):
        _refuse_times_of_day(table, column, values)
    try:
        array = pa.array(values, type=_ARROW[column.type], from_pandas=True)
    except (pa.ArrowException, TypeError) as error:
        raise _unfit(table, column, error) from None
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    _refuse_missing(table, column, array.null_count)
    return array


def _refuse_kind(table: str, column: Column, kind: Any) -> None:
    """Refuse casts that Arrow allows and that would change what the value means."""
    text = str(kind)
    is_naive = text.startswith(("datetime64", "timestamp")) and "," not in text
    if column.type == "TIMESTAMP WITH TIME ZONE" and is_naive:
        raise _unfit(table, column, "an instant without a time zone")
    if column.type in ("DOUBLE", "INTEGER", "BIGINT") and text in ("bool", "boolean"):
        raise _unfit(table, column, "a boolean is no number")


def _refuse_times_of_day(table: str, column: Column, values: "pd.Series[Any]") -> None:
    known = values.dropna()
    if known.dt.tz is not None or not (known == known.dt.normalize()).all():
        raise _unfit(table, column, "a session date is naive and at midnight")


def _refuse_missing(table: str, column: Column, n_missing: int) -> None:
    if n_missing and not column.is_nullable:
        raise _unfit(table, column, f"{n_missing} missing values where none may be")


def _unfit(table: str, column: Column, reason: object) -> ValueError:
    return ValueError(f"{table}.{column.name} ({column.type.lower()}) cannot take this: {reason}")
