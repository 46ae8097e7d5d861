"""Files that other programs wrote, in daily/, minute/ or quotes/: Stooq, Lean, Alpaca CSV.

Files of one form count as one: all Stooq texts of daily/ are `daily/*.txt`, all Lean zips of
minute/ and its subfolders `minute/*.zip`; so `market.toml` names them. Assumed where it does not:
Stooq's prices are adjusted for splits and dividends, those of Lean and Alpaca are raw. Stooq's
times of minutes carry no zone; the manifest must give it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import duckdb

from trading_pipeline.adapters.lean_zip import Conversions, converted
from trading_pipeline.adapters.market_files import DataFile, literal, memory_connection
from trading_pipeline.adapters.market_manifest import FileEntry
from trading_pipeline.contracts.errors import InputError

STOOQ_HEADER: Final = (
    "<TICKER>", "<PER>", "<DATE>", "<TIME>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>",
    "<OPENINT>",
)  # fmt: skip
STOOQ_PERIODS: Final = {"daily": "D", "minute": "1"}
ALPACA_COLUMNS: Final = {"symbol", "timestamp", "open", "close", "trade_count", "vwap"}
ASSUMED: Final = {
    "stooq": FileEntry(vendor="stooq", prices="total"),
    "lean": FileEntry(vendor="lean", prices="raw"),
    "alpaca": FileEntry(vendor="alpaca", prices="raw"),
}
# Coarser bars come in multiples of these minutes; so many different minutes all a multiple apart
# are no chance.
COARSE_FACTORS: Final = (2, 3, 5)
MIN_MINUTES_TO_JUDGE = 20


def foreign_files(folder: Path, kind: str, conversions: Conversions) -> list[DataFile]:
    """Return the Stooq texts and the Lean zips of a folder's part, each as one file.

    Raises:
        InputError: A .txt or .zip there is not of these forms, or not of this interval.
    """
    found = []
    if texts := _listed(folder / kind, ".txt"):
        found.append(_stooq(folder, kind, texts))
    if zips := _listed(folder / kind, ".zip"):
        parts = ", ".join(literal(str(p)) for p in converted(folder, kind, zips, conversions))
        found.append(DataFile.of(f"{kind}/*.zip", f"read_parquet([{parts}])", zips, "lean"))
    return found


def recognised(data: DataFile) -> DataFile:
    """Return a file with Alpaca's columns as one that has `ts`; any other unchanged."""
    if "ts" in data.columns or not data.columns.keys() >= ALPACA_COLUMNS:
        return data
    columns = {**data.columns, "ts": data.columns["timestamp"]}
    types = {**data.types, "ts": data.types["timestamp"]}
    return replace(data, columns=columns, types=types, written_by="alpaca")


def entry_of(data: DataFile, given: FileEntry | None, kind: str) -> FileEntry:
    """Return what is known about a file: what the manifest says, else what its form implies."""
    assumed = ASSUMED.get(data.written_by, FileEntry())
    if data.written_by == "stooq" and kind == "minute":
        zone = given is not None and "timezone" in given.model_fields_set
        if not zone:
            raise InputError(
                f"{data.name}: Stooq's times carry no zone; name {data.name!r} in market.toml "
                "with the timezone they were downloaded in"
            )
    if given is None:
        return assumed
    said = {name: getattr(given, name) for name in given.model_fields_set}
    if "adjusted" in said and "prices" not in said:
        said["prices"] = None
    return assumed.model_copy(update=said)


def refuse_coarse(data: DataFile) -> None:
    """Raise InputError where a file of minute/ holds bars of more than a minute."""
    minute = f"(epoch({data.instant('ts')}) / 60)::bigint"
    minutes = f"(select distinct {minute} as minute from {data.scan})"
    residues = ", ".join(f"min(minute % {n}) = max(minute % {n})" for n in COARSE_FACTORS)
    with memory_connection() as connection:
        steady = connection.execute(
            f"select {residues} from (select {minute} as minute from {data.scan})"
        ).fetchone()
        if not any(steady or ()):
            return
        found = connection.execute(
            "select count(*), min(gap) from (select minute - lag(minute) over (order by minute) "
            f"as gap from {minutes} where minute is not null)"
        ).fetchone()
    if found and found[0] >= MIN_MINUTES_TO_JUDGE:
        raise InputError(
            f"{data.name}: its bars lie {found[1]} minutes apart or more; minute/ takes one-minute "
            "bars, of which coarser ones are made: give those, or move the file out of the folder"
        )


def _listed(folder: Path, suffix: str) -> list[Path]:
    """Return the files of a folder and its subfolders that end so."""
    names = (path for path in folder.rglob("*") if path.name.lower().endswith(suffix))
    return sorted(path for path in names if path.is_file() and not path.name.startswith("."))


def _stooq(folder: Path, kind: str, texts: Sequence[Path]) -> DataFile:
    name = f"{kind}/*.txt"
    for path in texts:
        with path.open("rb") as stream:
            first = stream.readline(200).decode("utf-8-sig", errors="replace").strip()
        if tuple(first.upper().split(",")) != STOOQ_HEADER:
            raise InputError(
                f"{path.relative_to(folder).as_posix()} does not begin with "
                f"{','.join(STOOQ_HEADER)}, so it is no Stooq text; move it out of {kind}/"
            )
    if kind not in STOOQ_PERIODS:
        raise InputError(f"{name}: Stooq has no quotes; move the files into daily/ or minute/")
    _check_periods(texts, folder, STOOQ_PERIODS[kind])
    rows = _stooq_lines(texts)
    day, clock = 'trim("<DATE>")', 'trim("<TIME>")'
    dashed = f"{day}[1:4] || '-' || {day}[5:6] || '-' || {day}[7:]"
    colons = f"{clock}[1:2] || ':' || {clock}[3:4] || ':' || {clock}[5:]"
    moment = dashed if kind == "daily" else f"{dashed} || ' ' || {colons}"
    numbers = {"open": "<OPEN>", "high": "<HIGH>", "low": "<LOW>", "close": "<CLOSE>"}
    numbers["volume"] = "<VOL>"
    selected = ", ".join(f'"{given}" as {own}' for own, given in numbers.items())
    symbol = """regexp_replace(upper(trim("<TICKER>")), '[.]US$', '')"""
    scan = f"(select {symbol} as symbol, {moment} as ts, {selected} from {rows})"
    return DataFile.of(name, scan, texts, "stooq")


def _stooq_lines(texts: Iterable[Path]) -> str:
    """Return SQL for the lines of Stooq texts, each of which must have all its values."""
    files = ", ".join(literal(str(path)) for path in texts)
    columns = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in STOOQ_HEADER)
    return (
        f"read_csv([{files}], header = true, auto_detect = false, delim = ',', quote = '', "
        f"escape = '', columns = {{{columns}}})"
    )


def _check_periods(texts: Sequence[Path], folder: Path, period: str) -> None:
    """Read all lines once: each must have the period of its place."""
    with memory_connection() as connection:
        for path in texts:
            name = path.relative_to(folder).as_posix()
            query = (
                f'select "<TICKER>", "<PER>" from {_stooq_lines([path])} '
                f'where "<PER>" is distinct from {literal(period)} limit 1'
            )
            try:
                wrong = connection.execute(query).fetchone()
            except duckdb.Error as error:
                problem = " ".join(str(error).split("Possible")[0].split())[:300]
                raise InputError(
                    f"{name} cannot be read as Stooq text ({problem}); replace the file"
                ) from None
            if wrong:
                raise InputError(
                    f"{name}: {wrong[0]} has bars of period {wrong[1]!r}; this place takes "
                    f"{period!r} only (D: days, 1: minutes): move or remove the file"
                )
