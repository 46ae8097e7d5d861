"""Makes a market folder of raw answers, offline, so that fetched data go the way of every other.

Answers are cut into pieces: a month of minute bars, quotes, news or options, all of the rest. A
piece is read again only when its pages or the code that reads them changed. Of a bar that came more
than once the newest word stands in the folder; `deliveries/` keeps every word with its moment.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import pandas as pd

from trading_pipeline.adapters.market_manifest import MANIFEST_NAME
from trading_pipeline.adapters.market_writer import manifest_text
from trading_pipeline.adapters.vendors.raw_store import Answered, RawStore
from trading_pipeline.contracts.vendors import Dataset, Vendor, Wanted

# What a folder of vendor X is made of, besides what X itself delivers.
CONTEXT_VENDORS: Final[Mapping[str, Dataset]] = {"fred": "macro", "cboe": "vix"}
MONTHLY: Final = frozenset(("minute", "quotes", "news", "options"))
# Datasets with one file of the folder for each piece.
BY_PIECE: Final = frozenset(("minute", "quotes"))
BAR_KEY: Final = ["symbol", "ts"]
# Where a dataset's rows go in the folder.
FILE_OF: Final[Mapping[Dataset, str]] = {
    "daily": "daily/{vendor}-{piece}",
    "minute": "minute/{vendor}-{piece}",
    "quotes": "quotes/{vendor}-{piece}",
    "news": "events/news",
    "options": "events/options_flow",
    "corporate_actions": "corporate_actions",
    "macro": "macro",
    "vix": "vix",
}
OPTION_SHARES: Final = 100
# Option trading ends at 16:15 New York; the day's aggregates stand soon after.
OPTIONS_KNOWN: Final = pd.Timedelta(hours=17)
NEW_YORK: Final = "America/New_York"

Piece = tuple[Dataset, str]


@dataclass(frozen=True, slots=True)
class VendorMarket:
    """The folder of one vendor's answers and of the context fetched beside them."""

    store: RawStore
    vendors: Mapping[str, Vendor]
    main: str
    index_symbol: str
    etfs: Sequence[str]

    @property
    def path(self) -> Path:
        """The market folder; `build` brings it up to date."""
        return self.store.folder / f"market-{self.main}"

    def build(self) -> Path:
        """Bring the folder up to date with the raw answers and return it.

        Raises VendorError for a raw page that is gone or damaged, VendorAnswerError for one that
        the code no longer reads.
        """
        pieces = self._pieces()
        built = self._built()
        gone = set(built) - {_label(piece) for piece in pieces}
        for label in gone:
            self._deliveries(label).unlink(missing_ok=True)
            del built[label]
        changed = {
            piece: digest
            for piece, items in pieces.items()
            if built.get(_label(piece)) != (digest := _digest(items))
            or not self._deliveries(_label(piece)).exists()
        }
        for piece, digest in changed.items():
            _write(self._deliveries(_label(piece)), self._read(pieces[piece]))
            built[_label(piece)] = digest
        # Remembered only when all is written: a killed build is done again from the raw answers.
        is_whole = (self.path / MANIFEST_NAME).exists()
        for piece in pieces:
            if piece[0] in BY_PIECE and (piece in changed or not is_whole):
                self._publish(piece[0], piece[1], [piece])
        if changed or gone or not is_whole:
            for dataset in sorted({piece[0] for piece in pieces} - BY_PIECE):
                self._publish(dataset, "all", [p for p in pieces if p[0] == dataset])
            self._write_manifest()
            self._remember(built)
        return self.path

    def deliveries(self, dataset: Dataset) -> Iterator[pd.DataFrame]:
        """Give every word of the bars that came more than once, month by month.

        Columns of the page, and ingested_at (UTC), in the order they came.
        """
        for path in sorted((self._home / "deliveries").glob(f"{dataset}@*.parquet")):
            rows = pd.read_parquet(path)
            again = rows.duplicated(BAR_KEY, keep=False)
            if again.any():
                yield rows[again].reset_index(drop=True)

    @property
    def _home(self) -> Path:
        return self.store.folder / f"market-{self.main}.parts"

    def _deliveries(self, label: str) -> Path:
        return self._home / "deliveries" / f"{label}.parquet"

    def _pieces(self) -> dict[Piece, list[Answered]]:
        """Return the answered pages of each piece, in the order they came."""
        pieces: dict[Piece, list[Answered]] = {}
        for item in self.store.answered():
            wanted = item.wanted
            is_context = CONTEXT_VENDORS.get(wanted.vendor) == wanted.dataset
            if (wanted.vendor == self.main or is_context) and wanted.dataset in FILE_OF:
                month = f"{wanted.start:%Y-%m}" if wanted.dataset in MONTHLY else "all"
                pieces.setdefault((wanted.dataset, month), []).append(item)
        return dict(sorted(pieces.items()))

    def _read(self, items: Sequence[Answered]) -> pd.DataFrame:
        """Return the rows of pages, each with the moment it came; quotes already by minute."""
        parts = []
        begun: dict[Wanted, datetime] = {}
        for item in items:
            if item.page == 0:
                begun[item.wanted] = item.fetched_at
            page = self.vendors[item.wanted.vendor].parse(
                item.wanted, item.call, self.store.body(item)
            )
            rows = by_minute(page.rows) if item.wanted.dataset == "quotes" else page.rows
            # All pages of one list of corporate actions are one word.
            is_list = item.wanted.dataset == "corporate_actions"
            at = begun[item.wanted] if is_list else item.fetched_at
            parts.append(rows.assign(ingested_at=pd.Timestamp(at)))
        filled = [part for part in parts if len(part)]
        return pd.concat(filled or parts[:1], ignore_index=True)

    def _publish(self, dataset: Dataset, piece: str, pieces: Sequence[Piece]) -> None:
        """Write a file of the folder from its deliveries; without rows there is no file."""
        parts = [pd.read_parquet(self._deliveries(_label(each))) for each in pieces]
        rows = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
        name = FILE_OF[dataset].format(vendor=self.main, piece=piece)
        target = self.path / f"{name}.parquet"
        settled = _SETTLED.get(dataset, _newest)(rows)
        if len(settled):
            _write(target, settled)
        else:
            target.unlink(missing_ok=True)

    def _write_manifest(self) -> None:
        names = sorted(
            path.relative_to(self.path).as_posix() for path in self.path.rglob("*.parquet")
        )
        bars = {"vendor": self.main, "prices": "raw"}
        files = {name: bars for name in names if name.startswith(("daily/", "minute/"))}
        named = [name for name in names if name.startswith(("quotes/", "events/"))]
        files |= {name: {"vendor": self.main} for name in named}
        daily = [pd.read_parquet(self.path / n, columns=["symbol"]) for n in files if "daily" in n]
        held = sorted(set(pd.concat(daily)["symbol"])) if daily else []
        kinds = ["etf" if name in self.etfs else "equity" for name in held]
        _write(self.path / "universe.parquet", pd.DataFrame({"symbol": held, "kind": kinds}))
        text = manifest_text({"index_symbol": self.index_symbol, "files": files})
        draft = self.path / f".{MANIFEST_NAME}.{os.getpid()}"
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, self.path / MANIFEST_NAME)

    def _built(self) -> dict[str, str]:
        """Return the digest of each piece that stands; none where the code has changed since."""
        record = self._home / "built.json"
        if record.exists():
            found = json.loads(record.read_text(encoding="utf-8"))
            if found["code"] == _code_digest():
                return dict(found["pieces"])
        shutil.rmtree(self._home, ignore_errors=True)
        shutil.rmtree(self.path, ignore_errors=True)
        return {}

    def _remember(self, built: Mapping[str, str]) -> None:
        record = self._home / "built.json"
        draft = record.with_name(f".built.{os.getpid()}")
        content = {"code": _code_digest(), "pieces": dict(sorted(built.items()))}
        draft.write_text(json.dumps(content, indent=1), encoding="utf-8")
        os.replace(draft, record)


def by_minute(quotes: pd.DataFrame) -> pd.DataFrame:
    """Return the last quote of each symbol and minute, in the columns of a market folder.

    Args:
        quotes: symbol, ts, bid, ask, bid_size, ask_size in the order of the page.

    Returns:
        symbol, ts (start of the minute), bid_close, ask_close, bid_size, ask_size.
    """
    minute = pd.DatetimeIndex(quotes["ts"]).floor("min")
    last = quotes.assign(at=quotes["ts"], ts=minute).sort_values("at", kind="stable")
    last = last.drop_duplicates(BAR_KEY, keep="last").sort_values(BAR_KEY, ignore_index=True)
    return last.drop(columns="at").rename(columns={"bid": "bid_close", "ask": "ask_close"})


def options_flow(rows: pd.DataFrame) -> pd.DataFrame:
    """Return calls and puts of each underlying and session from bars of its contracts."""
    newest = rows.drop_duplicates(["contract", "ts"], keep="last")
    newest = newest.assign(
        session_date=newest["ts"].dt.normalize(),
        premium=newest["volume"] * newest["vwap"] * OPTION_SHARES,
    )
    sums = newest.groupby(["symbol", "session_date", "right"])[["volume", "premium"]].sum()
    wide = sums.unstack("right", fill_value=0.0)
    flow = pd.DataFrame(
        {
            f"{right}_{name}": wide.get((column, right), 0.0)
            for column, name in (("volume", "volume"), ("premium", "premium_usd"))
            for right in ("call", "put")
        },
        index=wide.index,
    ).reset_index()
    local = pd.DatetimeIndex(flow["session_date"] + OPTIONS_KNOWN).tz_localize(NEW_YORK)
    return flow.assign(known_at=local.tz_convert("UTC"))


def _newest(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the newest word of each bar; of two in one answer the one of higher values."""
    values = [name for name in ("open", "high", "low", "close", "volume") if name in rows]
    ordered = rows.sort_values([*BAR_KEY, "ingested_at", *values], ignore_index=True)
    newest = ordered.drop_duplicates(BAR_KEY, keep="last").drop(columns="ingested_at")
    return newest.reset_index(drop=True)


def _news(rows: pd.DataFrame) -> pd.DataFrame:
    """Return every version of news items: what was changed later was known when it was changed."""
    versions = rows.drop(columns="ingested_at").drop_duplicates()
    known = versions[["published_at", "updated_at"]].max(axis=1)
    return versions.drop(columns="updated_at").assign(known_at=known)


def _actions(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the actions of each symbol and ex-date as they were told last."""
    key = ["symbol", "ex_date", "action"]
    told = rows.groupby(key)["ingested_at"].transform("max")
    newest = rows[rows["ingested_at"] == told]
    kept = newest.drop_duplicates([*key, "ratio", "amount_usd"], keep="last")
    return kept.drop(columns="ingested_at")


def _macro(rows: pd.DataFrame) -> pd.DataFrame:
    newest = rows.drop_duplicates(["series", "ts", "release"], keep="last")
    return newest.drop(columns="ingested_at").rename(columns={"series": "symbol"})


def _vix(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop_duplicates("ts", keep="last").drop(columns="ingested_at")


_SETTLED: Final[Mapping[Dataset, Callable[[pd.DataFrame], pd.DataFrame]]] = {
    "news": _news,
    "options": options_flow,
    "corporate_actions": _actions,
    "macro": _macro,
    "vix": _vix,
}


def _label(piece: Piece) -> str:
    return f"{piece[0]}@{piece[1]}"


def _digest(items: Sequence[Answered]) -> str:
    text = "\n".join(f"{item.sha256} {item.fetched_at.isoformat()}" for item in items)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _code_digest() -> str:
    """Return the hash of the modules that read answers."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _write(path: Path, rows: pd.DataFrame) -> None:
    """Write a Parquet file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    rows.to_parquet(draft, index=False, compression="zstd")
    os.replace(draft, path)
