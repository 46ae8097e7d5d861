"""One data file, Parquet or CSV: its columns, their check, and the SQL that reads it in one shape.

DuckDB reads both formats, so a check holds for both. Text that stands for a missing value is the
empty string, NA, NaN or null.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from trading_pipeline.contracts.errors import InputError

PARQUET_SUFFIXES = (".parquet", ".pq")
CSV_SUFFIXES = (".csv", ".csv.gz")
MISSING_TEXT = ("", "na", "nan", "null")
TEXT_TYPE = "VARCHAR"
INSTANT_TYPES = ("DATE", "TIMESTAMP")
NUMBER_TYPES = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL",
)


def is_data_file(path: Path) -> bool:
    """Return whether the name is one of a Parquet or CSV file."""
    named = path.name.lower().endswith((*PARQUET_SUFFIXES, *CSV_SUFFIXES))
    return named and not path.name.startswith(".")


def has_offset(kind: str) -> bool:
    """Return whether a DuckDB type is an instant; of nanoseconds it has a name of its own."""
    return "WITH TIME ZONE" in kind or kind.startswith("TIMESTAMPTZ")


def literal(text: str) -> str:
    """Return a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def memory_connection() -> duckdb.DuckDBPyConnection:
    """Return an in-memory database that keeps the order of files and never leaves the machine."""
    connection = duckdb.connect()
    connection.execute("set autoinstall_known_extensions = false")
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set threads = 1")
    return connection


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of the folder and the columns it was found to have (lower case to given name).

    `scan` is the SQL that reads it, `paths` the files whose content it is, `written_by` the
    program whose form it has, where that is known.
    """

    name: str
    scan: str
    paths: tuple[Path, ...]
    columns: dict[str, str]
    types: dict[str, str]
    written_by: str = ""

    @classmethod
    def open(cls, folder: Path, path: Path) -> "DataFile":
        """Read the header, and of CSV every line. Raises InputError where one is unreadable."""
        name = path.relative_to(folder).as_posix()
        is_parquet = path.name.lower().endswith(PARQUET_SUFFIXES)
        try:
            data = cls.of(name, _scan(path), (path,))
            if not is_parquet:
                with memory_connection() as connection:
                    connection.execute(f"select count(columns(*)) from {data.scan}")
            return data
        except duckdb.Error as error:
            kind = "Parquet" if is_parquet else "CSV"
            problem = str(error).splitlines()[0]
            raise InputError(
                f"{name} cannot be read as {kind} ({problem}); replace or remove the file"
            ) from None

    @classmethod
    def of(cls, name: str, scan: str, paths: Sequence[Path], written_by: str = "") -> "DataFile":
        """Return the file or files that `scan` reads. Raises duckdb.Error where it cannot."""
        with memory_connection() as connection:
            described = connection.execute(f"describe from {scan}").fetchall()
        columns = {str(row[0]).strip().lower().replace(" ", "_"): str(row[0]) for row in described}
        types = {str(row[0]).strip().lower().replace(" ", "_"): str(row[1]) for row in described}
        return cls(name, scan, tuple(paths), columns, types, written_by)

    def require(self, needed: tuple[str, ...]) -> None:
        """Raise InputError where a needed column is missing."""
        lacking = [name for name in needed if name not in self.columns]
        if lacking:
            # Lines of different lengths hide which of them is the header.
            uneven = " or mend the line that has more or fewer values than the header"
            raise InputError(
                f"{self.name} has columns {', '.join(self.columns.values())}; "
                f"it lacks {', '.join(lacking)} of {', '.join(needed)}; rename or add them"
                + (uneven if len(lacking) == len(needed) else "")
            )

    def check_numbers(self, names: tuple[str, ...]) -> None:
        """Raise InputError at the first text that is no number in a column of numbers."""
        for name in names:
            self._require_type(name, NUMBER_TYPES, "numbers")
        self._check(names, self.number)

    def check_instants(self, names: tuple[str, ...]) -> None:
        """Raise InputError at the first text that is no date or time."""
        for name in names:
            self._require_type(name, INSTANT_TYPES, "dates or times")
        self._check(names, self.instant)

    def text(self, name: str) -> str:
        """Return SQL for a text column; missing text is null."""
        if name not in self.columns:
            return "null::varchar"
        trimmed = f"trim({self._quoted(name)}::varchar)"
        return f"nullif({trimmed}, '')"

    def number(self, name: str) -> str:
        """Return SQL for a column of numbers; null where the file lacks it or the value."""
        if name not in self.columns:
            return "null::double"
        if self.types[name] == TEXT_TYPE:
            return f"try_cast({self._present(name)} as double)"
        # A float column's NaN is a missing value, as in pandas.
        return f"nullif({self._quoted(name)}::double, 'nan'::double)"

    def instant(self, name: str, timezone: str = "UTC", *, may_be_date: bool = True) -> str:
        """Return SQL for a naive UTC timestamp of a date or time column.

        A value with an offset means that instant; one without is read in `timezone`, except that
        midnight `may_be_date`: a session date in any zone.
        """
        if name not in self.columns:
            return "null::timestamp"
        kind = self.types[name]
        if kind == "DATE":
            return f"{self._quoted(name)}::timestamp"
        if has_offset(kind):
            return f"{self._quoted(name)}::timestamptz at time zone 'UTC'"
        naive = f"{self._quoted(name)}::timestamp"
        aware = ""
        if kind == TEXT_TYPE:
            present = self._present(name)
            naive = f"try_cast({present} as timestamp)"
            offset = f"regexp_matches({present}, ':[0-9.]+ ?(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$')"
            aware = f"when {offset} then try_cast({present} as timestamptz) at time zone 'UTC' "
        if timezone != "UTC":
            local = f"{naive} at time zone {literal(timezone)} at time zone 'UTC'"
            whole = f"case when {naive}::time = time '00:00' then {naive} else {local} end"
            naive = whole if may_be_date else local
        return f"case {aware}else {naive} end" if aware else naive

    def _require_type(self, name: str, types: tuple[str, ...], words: str) -> None:
        given = self.types.get(name)
        if given is not None and not given.startswith((*types, TEXT_TYPE)):
            raise InputError(
                f"{self.name}, column {self.columns[name]} has type {given}; give {words}"
            )

    def _check(self, names: tuple[str, ...], parsed: Callable[[str], str]) -> None:
        texts = [n for n in names if self.types.get(n) == TEXT_TYPE]
        for name in texts:
            query = f"""
                select row_number, {self._quoted(name)} from (
                    select row_number() over () as row_number, * from {self.scan}
                )
                where {self._present(name)} is not null and {parsed(name)} is null
                order by row_number limit 1
            """
            with memory_connection() as connection:
                found = connection.execute(query).fetchone()
            if found:
                raise InputError(
                    f"{self.name}, column {self.columns[name]}, row {found[0]}: {found[1]!r} "
                    "cannot be read; correct the value or leave it empty"
                )

    def _present(self, name: str) -> str:
        listed = ", ".join(literal(text) for text in MISSING_TEXT)
        trimmed = f"trim({self._quoted(name)})"
        return f"case when lower({trimmed}) in ({listed}) then null else {trimmed} end"

    def _quoted(self, name: str) -> str:
        return '"' + self.columns[name].replace('"', '""') + '"'


def _scan(path: Path) -> str:
    if path.name.lower().endswith(PARQUET_SUFFIXES):
        return f"read_parquet({literal(str(path))})"
    # Values stay text: what they mean is decided by the column's name, never by sniffing.
    return f"read_csv({literal(str(path))}, all_varchar = true, header = true)"
