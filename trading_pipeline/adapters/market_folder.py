"""A market folder: every file is checked when it is opened, then read as frames or as SQL.

Daily bars and context are small and come as frames; minute bars and quotes come as selects that
the lake runs, and never pass through pandas.
"""

import hashlib
from datetime import date
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow as pa

from trading_pipeline.adapters.lean_zip import Conversions
from trading_pipeline.adapters.market_events import event_files, event_rows
from trading_pipeline.adapters.market_files import DataFile, literal, memory_connection
from trading_pipeline.adapters.market_listing import (
    CONTEXT,
    INTERVALS,
    KINDS,
    OHLC,
    QUOTE_NUMBERS,
    MarketFile,
    context_file,
    daily_rows,
    frame_of,
    market_files,
    moment_sql,
    vendor_sql,
)
from trading_pipeline.adapters.market_manifest import (
    INDEX_SYMBOLS,
    MANIFEST_NAME,
    FileEntry,
    Manifest,
    read_manifest,
)
from trading_pipeline.adapters.market_relations import Relation, limited
from trading_pipeline.contracts.errors import InputError


class MarketFolder:
    """The files of one market; open it with `MarketFolder.open`."""

    def __init__(
        self,
        path: Path,
        manifest: Manifest,
        files: dict[str, tuple[MarketFile, ...]],
        context: dict[str, DataFile],
        conversions: Conversions,
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.files = files
        self._context = context
        # Held, for what was converted may stand in a folder that ends with it.
        self._conversions = conversions

    @classmethod
    def open(cls, path: Path, conversions: Path | None = None) -> "MarketFolder":
        """Read the manifest and check every file's columns and texts.

        Nothing is written to the folder. Zips are converted once into `conversions`; where none is
        given, anew at each opening and for as long as the folder is open.

        Raises:
            InputError: A missing folder, no daily bars, an unreadable file, wrong columns, text
                among numbers; each names the file and what to do.
        """
        if not path.is_dir():
            raise InputError(f"market folder {path} does not exist; give an existing folder")
        manifest = read_manifest(path)
        context = {
            name: found for name in CONTEXT if (found := context_file(path, name)) is not None
        }
        context |= event_files(path)
        made = Conversions(conversions)
        ranks = {name: rank for rank, name in enumerate(manifest.files)}
        files = {
            kind: market_files(path, kind, manifest, ranks, "corporate_actions" in context, made)
            for kind in INTERVALS
        }
        if not files["daily"]:
            raise InputError(
                f"market folder {path} has no daily bars; put daily/*.parquet or daily/*.csv "
                "with columns symbol, ts, close into it"
            )
        for name in manifest.files:
            listed = any(name == file.name for kind in files.values() for file in kind)
            if not listed and name not in {data.name for data in context.values()}:
                raise InputError(
                    f"{MANIFEST_NAME} names {name!r}, which is not read; move it into daily/, "
                    "minute/ or quotes/ as Parquet or CSV, or remove the entry"
                )
        return cls(path, manifest, files, context, made)

    def fingerprint(self) -> str:
        """Return the sha256 of the names and contents of all files that are read."""
        read = [file.data for kind in self.files.values() for file in kind]
        read += self._context.values()
        names = [path.relative_to(self.path).as_posix() for data in read for path in data.paths]
        if (self.path / MANIFEST_NAME).exists():
            names.append(MANIFEST_NAME)
        total = hashlib.sha256()
        for name in sorted(names):
            with (self.path / name).open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256").hexdigest()
            total.update(f"{name}\n{content}\n".encode())
        return total.hexdigest()

    @cached_property
    def index_symbol(self) -> str | None:
        """The broad index: the manifest's, else the first usual one the daily files hold."""
        if self.manifest.index_symbol is not None:
            return self.manifest.index_symbol
        held = set(self._daily_symbols())
        return next((symbol for symbol in INDEX_SYMBOLS if symbol in held), None)

    def check(self, symbols: tuple[str, ...], start: date | None, end: date | None) -> None:
        """Raise InputError for a request the folder cannot answer, before any work is done."""
        if start and end and end < start:
            raise InputError(
                f"end {end} lies before start {start}; give an end on or after the start"
            )
        held = self._daily_symbols()
        unknown = [symbol for symbol in symbols if symbol not in held]
        if unknown:
            raise InputError(
                f"no daily bars of {', '.join(unknown)} in {self.path}; choose among its "
                f"{len(held)} symbols, such as {', '.join(held[:5])}"
            )
        index = self.manifest.index_symbol
        if index is not None and index not in held:
            raise InputError(
                f"{MANIFEST_NAME}: index_symbol {index!r} has no daily bars; add them or name "
                "another symbol"
            )
        first, last = self.daily_span()
        if (start and start > last) or (end and end < first):
            raise InputError(
                f"no daily bars from {start or first} to {end or last}; the folder holds {first} "
                f"to {last}"
            )

    def daily_span(self) -> tuple[date, date]:
        """Return the first and last date of the daily files."""
        spans = [span for file in self.files["daily"] for span in self._spans[file.name].values()]
        if not spans:
            raise InputError(f"the daily files of {self.path} hold no rows; add bars to them")
        return min(span[0] for span in spans), max(span[1] for span in spans)

    def minute_span(self) -> tuple[date, date] | None:
        """Return the first and last UTC date of minute bars and quotes, None without any."""
        files = (*self.files["minute"], *self.files["quotes"])
        spans = [span for file in files for span in self._spans[file.name].values()]
        return (min(s[0] for s in spans), max(s[1] for s in spans)) if spans else None

    def kinds(self, end: date | None = None) -> pd.DataFrame:
        """Return symbol, kind, is_simulated, covered_until of every symbol with bars, sorted.

        `covered_until` is the last date of the files that hold the symbol, at most `end`. Files
        of a single symbol count together with the vendor's other such files. Daily files speak
        before minute files.
        """
        ends: dict[tuple[str, str], date] = {}
        groups: dict[str, tuple[str, str]] = {}
        files = (*self.files["daily"], *self.files["minute"])
        for file in files:
            spans = self._spans[file.name]
            alone = len(spans) == 1
            folder = file.name.split("/")[0]
            groups[file.name] = (folder, (file.entry.vendor or "") if alone else file.name)
            last = max((span[1] for span in spans.values()), default=date.min)
            ends[groups[file.name]] = max(last, ends.get(groups[file.name], date.min))
        rows: dict[str, dict[str, object]] = {}
        covered: dict[str, date] = {}
        for file in files:
            for symbol in self._spans[file.name]:
                first_folder = groups[file.name][0]
                known = rows.setdefault(
                    symbol,
                    {
                        "symbol": symbol,
                        "kind": file.entry.kind,
                        "is_simulated": file.entry.simulated,
                        "folder": first_folder,
                    },
                )
                if known["folder"] == first_folder:
                    until = ends[groups[file.name]]
                    covered[symbol] = max(until, covered.get(symbol, date.min))
        frame = pd.DataFrame(
            [rows[symbol] for symbol in sorted(rows)], columns=["symbol", "kind", "is_simulated"]
        )
        limits = [min(covered[symbol], end or date.max) for symbol in frame["symbol"]]
        frame["covered_until"] = pd.DatetimeIndex(limits).astype("datetime64[ns]")
        return frame

    def read_daily(
        self, symbols: tuple[str, ...] = (), start: date | None = None, end: date | None = None
    ) -> pd.DataFrame:
        """Return the raw daily rows of the symbols asked for, and of the index.

        Columns: symbol, ts, open, high, low, close, volume, adj_close, vwap, vendor, vendor_rank,
        file_rank, source_file, kind, prices, missing_columns. `symbols` empty: all. `start` and
        `end` are dates, both included. Raises InputError as `check` does.
        """
        self.check(symbols, start, end)
        wanted = {*symbols, self.index_symbol} if symbols else set()
        parts = [daily_rows(file) for file in self.files["daily"]]
        rows = pa.concat_tables(parts).unify_dictionaries().to_pandas()
        vendors = self._vendor_ranks(rows["vendor"].cat.categories)
        rows["vendor_rank"] = rows["vendor"].map(vendors).astype("int64")
        # A bar's UTC start and its session date fall on one day for New York trading.
        dates = rows["ts"].dt.normalize()
        keep = pd.Series(True, index=rows.index)
        if wanted:
            keep &= rows["symbol"].isin(wanted) | rows["symbol"].isna()
        if start:
            keep &= ~(dates < pd.Timestamp(start))
        if end:
            keep &= ~(dates > pd.Timestamp(end))
        kept: pd.DataFrame = rows if keep.all() else rows[keep].reset_index(drop=True)
        return kept

    def minute_relation(
        self, symbols: tuple[str, ...] = (), start: date | None = None, end: date | None = None
    ) -> Relation | None:
        """Return the raw minute rows of the symbols asked for and of the index, None without any.

        Columns: symbol, opens_at (timestamptz), open, high, low, close, volume, vendor,
        vendor_rank, file_rank, source_file.
        """
        return self._intraday_relation("minute", symbols, start, end)

    def quote_relation(
        self, symbols: tuple[str, ...] = (), start: date | None = None, end: date | None = None
    ) -> Relation | None:
        """Return the raw quote rows as a select; bid_close, ask_close, bid_size, ask_size."""
        return self._intraday_relation("quotes", symbols, start, end)

    def read_vix(self) -> pd.DataFrame | None:
        """Return ts, open, high, low, close, source_file; None without a vix file."""
        return self._read("vix", {"ts": "instant", **dict.fromkeys(OHLC, "number")})

    def read_macro(self) -> pd.DataFrame | None:
        """Return series, ts, value, release (NaT where not given), source_file; or None."""
        columns = {"symbol": "text", "ts": "instant", "value": "number", "release": "instant"}
        frame = self._read("macro", columns)
        return None if frame is None else frame.rename(columns={"symbol": "series"})

    def read_sectors(self) -> pd.DataFrame | None:
        """Return symbol, gics_sector, gics_sub_industry, one row per symbol, sorted; or None.

        Raises InputError where a symbol stands in two sectors.
        """
        columns = dict.fromkeys(("symbol", "gics_sector", "gics_sub_industry"), "text")
        return self._one_per_symbol("sectors", columns)

    def read_corporate_actions(self) -> pd.DataFrame | None:
        """Return symbol, ex_date, action, ratio, amount_usd, known_at, source_file; or None."""
        columns = {"symbol": "text", "ex_date": "instant", "action": "text"}
        columns |= {"ratio": "number", "amount_usd": "number", "known_at": "instant"}
        frame = self._read("corporate_actions", columns)
        if frame is not None:
            frame["known_at"] = frame["known_at"].dt.tz_localize("UTC")
            frame["action"] = frame["action"].str.lower()
        return frame

    def read_events(self, kind: str) -> pd.DataFrame | None:
        """Return the rows of `events/<kind>.*` as `event_rows` does; None without the file."""
        data = self._context.get(f"events/{kind}")
        if data is None:
            return None
        return event_rows(data, kind, self.manifest.files.get(data.name, FileEntry()))

    def read_universe(self) -> pd.DataFrame | None:
        """Return symbol, kind (equity, etf or index), one row per symbol, sorted; or None."""
        frame = self._one_per_symbol("universe", dict.fromkeys(("symbol", "kind"), "text"))
        if frame is not None and not (known := frame["kind"].isin(KINDS)).all():
            wrong = frame[~known].iloc[0]
            raise InputError(
                f"{self._context['universe'].name}: kind {wrong['kind']!r} of {wrong['symbol']}; "
                "give equity, etf or index"
            )
        return frame

    @cached_property
    def _spans(self) -> dict[str, dict[str, tuple[date, date]]]:
        """First and last date per symbol of each bar and quote file."""
        spans = {}
        with memory_connection() as connection:
            for kind in INTERVALS:
                for file in self.files[kind]:
                    moment = moment_sql(file)
                    rows = connection.execute(
                        f"select symbol, min(ts)::date, max(ts)::date from (select "
                        f"{file.data.text('symbol')} as symbol, {moment} as ts from "
                        f"{file.data.scan}) where symbol is not null and ts is not null "
                        "group by symbol order by symbol"
                    ).fetchall()
                    spans[file.name] = {symbol: (first, last) for symbol, first, last in rows}
        return spans

    def _daily_symbols(self) -> list[str]:
        return sorted({s for file in self.files["daily"] for s in self._spans[file.name]})

    def _vendor_ranks(self, vendors: pd.Index) -> dict[str, int]:
        """Return the place of each vendor: the manifest's order, then the others by name."""
        order = list(self.manifest.vendor_order)
        order += sorted(set(vendors) - set(order))
        return {vendor: rank for rank, vendor in enumerate(order)}

    def _intraday_relation(
        self, kind: str, symbols: tuple[str, ...], start: date | None, end: date | None
    ) -> Relation | None:
        if not self.files[kind]:
            return None
        if symbols and self.index_symbol is not None:
            symbols = tuple(sorted({*symbols, self.index_symbol}))
        order = self.manifest.vendor_order
        ranked = "".join(
            f"when {literal(vendor)} then {rank} " for rank, vendor in enumerate(order)
        )
        rank = f"case vendor {ranked}else {len(order)} end" if ranked else "0"
        names = (*OHLC, "volume") if kind == "minute" else QUOTE_NUMBERS
        parts = []
        for file in self.files[kind]:
            numbers = ", ".join(f"{file.data.number(name)} as {name}" for name in names)
            parts.append(
                f"select {file.data.text('symbol')} as symbol, "
                f"({moment_sql(file)}) at time zone 'UTC' as opens_at, {numbers}, "
                f"{vendor_sql(file)} as vendor, {file.file_rank} as file_rank, "
                f"{literal(file.name)} as source_file from {file.data.scan}"
            )
        union = "\nunion all\n".join(parts)
        return limited(f"select *, {rank} as vendor_rank from (\n{union}\n)", symbols, start, end)

    def _read(self, name: str, columns: dict[str, str]) -> pd.DataFrame | None:
        data = self._context.get(name)
        if data is None:
            return None
        readers = {"text": data.text, "number": data.number, "instant": data.instant}
        selected = ", ".join(
            f"{readers[kind](column)} as {column}" for column, kind in columns.items()
        )
        frame = frame_of(f"select {selected} from {data.scan}")
        frame["source_file"] = data.name
        return frame

    def _one_per_symbol(self, name: str, columns: dict[str, str]) -> pd.DataFrame | None:
        frame = self._read(name, columns)
        if frame is None:
            return None
        rows = frame[list(columns)].dropna(subset="symbol").drop_duplicates()
        twice = rows.loc[rows["symbol"].duplicated(), "symbol"]
        if len(twice):
            raise InputError(
                f"{self._context[name].name} holds {twice.iloc[0]} more than once with different "
                "values; keep one row per symbol"
            )
        return rows.sort_values("symbol", ignore_index=True)
