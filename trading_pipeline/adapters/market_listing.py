"""The files of a market folder: which are there, what each must hold, how its rows are read."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from trading_pipeline.adapters.foreign_files import (
    entry_of,
    foreign_files,
    recognised,
    refuse_coarse,
)
from trading_pipeline.adapters.lean_zip import Conversions
from trading_pipeline.adapters.market_files import (
    DataFile,
    is_data_file,
    literal,
    memory_connection,
)
from trading_pipeline.adapters.market_manifest import FileEntry, Manifest, assumed_prices
from trading_pipeline.contracts.errors import InputError

OHLC = ("open", "high", "low", "close")
DAILY_NUMBERS = (*OHLC, "volume", "adj_close", "vwap")
QUOTE_NUMBERS = ("bid_close", "ask_close", "bid_size", "ask_size")
INTERVALS = {"daily": "1d", "minute": "1m", "quotes": "1m"}
NEEDED = {
    "daily": ("symbol", "ts", "close"),
    "minute": ("symbol", "ts", *OHLC),
    "quotes": ("symbol", "ts", "bid_close", "ask_close"),
    "vix": ("ts", "close"),
    "macro": ("symbol", "ts", "value"),
    "sectors": ("symbol", "gics_sector"),
    "corporate_actions": ("symbol", "ex_date", "action"),
    "universe": ("symbol", "kind"),
}
NUMBERS = {
    "daily": DAILY_NUMBERS,
    "minute": (*OHLC, "volume"),
    "quotes": QUOTE_NUMBERS,
    "vix": OHLC,
    "macro": ("value",),
    "sectors": (),
    "corporate_actions": ("ratio", "amount_usd"),
    "universe": (),
}
INSTANTS = {
    "macro": ("ts", "release"),
    "sectors": (),
    "corporate_actions": ("ex_date", "known_at"),
    "universe": (),
}
KINDS = ("equity", "etf", "index")
CONTEXT = ("vix", "macro", "sectors", "corporate_actions", "universe")


@dataclass(frozen=True, slots=True)
class MarketFile:
    """One bar or quote file with what is known or assumed about it; ranks: lower wins."""

    data: DataFile
    entry: FileEntry
    prices: str
    file_rank: int

    @property
    def name(self) -> str:
        """Path inside the folder."""
        return self.data.name


def context_file(folder: Path, name: str) -> DataFile | None:
    """Return the checked file `name.*` of the folder, None where there is none."""
    found = sorted(path for path in folder.glob(f"{name}.*") if is_data_file(path))
    if not found:
        return None
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise InputError(f"market folder {folder} holds {names}; keep one of them")
    return _checked(DataFile.open(folder, found[0]), name)


def market_files(
    folder: Path,
    kind: str,
    manifest: Manifest,
    ranks: dict[str, int],
    has_actions: bool,
    conversions: Conversions,
) -> tuple[MarketFile, ...]:
    """Return the checked files of `daily/`, `minute/` or `quotes/`, those of the manifest first."""
    if not (folder / kind).is_dir():
        return ()
    opened = [
        _checked(recognised(DataFile.open(folder, path)), kind)
        for path in sorted((folder / kind).iterdir())
        if is_data_file(path)
    ]
    opened += [_checked(data, kind) for data in foreign_files(folder, kind, conversions)]
    opened.sort(key=lambda data: (ranks.get(data.name, len(ranks)), data.name))
    files = []
    for rank, data in enumerate(opened):
        entry = entry_of(data, manifest.files.get(data.name), kind)
        if entry.interval not in (None, INTERVALS[kind]):
            raise InputError(
                f"{data.name} has interval {entry.interval!r}; {kind}/ takes {INTERVALS[kind]}"
            )
        has_adj_close = "adj_close" in data.columns
        prices = assumed_prices(entry, has_adj_close=has_adj_close, has_actions=has_actions)
        files.append(MarketFile(data, entry, prices, rank))
    return tuple(files)


def _checked(data: DataFile, kind: str) -> DataFile:
    data.require(NEEDED[kind])
    if kind == "daily" and any(name in data.columns for name in OHLC[:3]):
        data.require((*NEEDED[kind][:2], *OHLC))
    data.check_instants(INSTANTS.get(kind, ("ts",)))
    data.check_numbers(NUMBERS[kind])
    if kind == "minute":
        refuse_coarse(data)
    return data


def moment_sql(file: MarketFile) -> str:
    may_be_date = file.name.startswith("daily/")
    return file.data.instant("ts", file.entry.timezone, may_be_date=may_be_date)


def vendor_sql(file: MarketFile) -> str:
    if file.entry.vendor is not None:
        return literal(file.entry.vendor)
    return f"coalesce({file.data.text('vendor')}, 'unknown')"


def daily_rows(file: MarketFile) -> pa.Table:
    """Return a daily file's rows; words are dictionaries, so that millions of rows stay light."""
    numbers = ", ".join(f"{file.data.number(name)} as {name}" for name in DAILY_NUMBERS)
    with memory_connection() as connection:
        rows = connection.sql(
            f"select {file.data.text('symbol')} as symbol, ({moment_sql(file)})::timestamp_ns as ts"
            f", {numbers}, {vendor_sql(file)} as vendor from {file.data.scan}"
        ).to_arrow_table()
    lacking = " ".join(name for name in DAILY_NUMBERS if name not in file.data.columns)
    same = {
        "source_file": file.name,
        "kind": file.entry.kind,
        "prices": file.prices,
        "missing_columns": lacking,
    }
    for name in ("symbol", "vendor"):
        place = rows.column_names.index(name)
        rows = rows.set_column(place, name, rows[name].dictionary_encode())
    ranks = pa.repeat(pa.scalar(file.file_rank, pa.int64()), len(rows))
    rows = rows.append_column("file_rank", ranks)
    for name, word in same.items():
        words = pa.DictionaryArray.from_arrays(np.zeros(len(rows), "int32"), [word])
        rows = rows.append_column(name, words)
    return rows


def frame_of(sql: str) -> pd.DataFrame:
    with memory_connection() as connection:
        frame = connection.execute(sql).df()
    instants = frame.select_dtypes("datetime").columns
    return frame.astype(dict.fromkeys(instants, "datetime64[ns]"))
