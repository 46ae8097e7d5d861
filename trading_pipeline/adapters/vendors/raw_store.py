"""What vendors answered, as they answered it: bodies by content hash, and a ledger of requests.

Below `<home>/raw/vendors/`: `pages/<2 hex>/<sha256>.json.gz` holds a body, `requests.jsonl` one
line per answered page. A body is on the disk before its line, so that a line always has its body; a
process killed between the two leaves a body that nothing speaks of, and the page is asked again.
"""

import fcntl
import gzip
import hashlib
import json
import os
import uuid
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trading_pipeline.adapters.partitions import sync_folder
from trading_pipeline.contracts.errors import VendorError, WarehouseBusyError
from trading_pipeline.contracts.vendors import Call, Wanted

if TYPE_CHECKING:
    import pandas as pd

RAW_FOLDER = Path("raw") / "vendors"
LEDGER_NAME = "requests.jsonl"


@dataclass(frozen=True, slots=True)
class Answered:
    """One page of the ledger: what was wanted, how it was asked for, and what came back.

    `page` counts from 0 within its chain; `next_call` leads to the page after it.
    """

    wanted: Wanted
    call: Call
    page: int
    status: int
    sha256: str
    n_bytes: int
    n_rows: int
    fetched_at: datetime
    next_call: Call | None

    @property
    def is_last(self) -> bool:
        """Whether the chain ends here."""
        return self.next_call is None


@dataclass(frozen=True, slots=True)
class Chain:
    """Pages of one wanted range that follow each other from page 0, in order."""

    pages: tuple[Answered, ...]

    @property
    def wanted(self) -> Wanted:
        """The range the chain was begun for."""
        return self.pages[0].wanted

    @property
    def is_complete(self) -> bool:
        """Whether its last page is recorded."""
        return self.pages[-1].is_last

    @property
    def begun_at(self) -> datetime:
        """When its first page came: what the vendor changed later may be missing in it."""
        return self.pages[0].fetched_at


class RawStore:
    """The raw answers of one home."""

    def __init__(self, home: Path) -> None:
        self.folder = home / RAW_FOLDER
        self.ledger = self.folder / LEDGER_NAME

    def answered(self) -> list[Answered]:
        """Return all pages in the order they came; a torn last line is no page.

        Raises VendorError for a line that cannot be read.
        """
        if not self.ledger.exists():
            return []
        text = self.ledger.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        return [
            self._read_line(number, line) for number, line in enumerate(whole.splitlines(), start=1)
        ]

    def chains(self, vendor: str | None = None, dataset: str | None = None) -> list[Chain]:
        """Return the newest run of pages of each range as it began, whole or open.

        A range asked again from page 0 is a chain of its own; an open one it replaces is left out.
        """
        begun: list[list[Answered]] = []
        newest: dict[Wanted, list[Answered]] = {}
        for item in self.answered():
            if vendor not in (None, item.wanted.vendor):
                continue
            if dataset not in (None, item.wanted.dataset):
                continue
            if item.page == 0:
                newest[item.wanted] = [item]
                begun.append(newest[item.wanted])
                continue
            chain = newest.get(item.wanted)
            if chain is None or chain[-1].page + 1 != item.page:
                raise VendorError(
                    f"{self.ledger}: page {item.page} of {item.wanted} does not follow the page"
                    " before it; restore the file from a backup, or move it away to fetch anew"
                )
            chain.append(item)
        return [
            Chain(tuple(pages))
            for pages in begun
            if pages[-1].is_last or pages is newest[pages[0].wanted]
        ]

    def completed(self, vendor: str, dataset: str) -> list[Chain]:
        """Return the chains that reached their last page, in the order they began."""
        return [chain for chain in self.chains(vendor, dataset) if chain.is_complete]

    def open_chains(self, vendor: str, dataset: str) -> list[Chain]:
        """Return the chains to go on with, from the next call of their last page."""
        return [chain for chain in self.chains(vendor, dataset) if not chain.is_complete]

    def pages(self, vendor: str, dataset: str) -> Iterator[tuple[Answered, bytes]]:
        """Give the pages of a dataset with their bodies, first fetched first.

        Where two pages hold the same row, the later one is the newer word. Errors as `body`.
        """
        for item in self.answered():
            if (item.wanted.vendor, item.wanted.dataset) == (vendor, dataset):
                yield item, self.body(item)

    def body(self, item: Answered) -> bytes:
        """Return the body of a page; VendorError where it is gone or is not what was stored."""
        path = self._path(item.sha256)
        try:
            body = gzip.decompress(path.read_bytes())
        except (OSError, EOFError, zlib.error) as error:
            what = "is missing" if isinstance(error, FileNotFoundError) else "cannot be read"
            raise VendorError(f"raw page {path} {what}; {_REMEDY}") from None
        if hashlib.sha256(body).hexdigest() != item.sha256:
            raise VendorError(f"raw page {path} does not hold what its name says; {_REMEDY}")
        return body

    @contextmanager
    def fetching(self, vendor: str) -> Iterator[None]:
        """Hold a vendor for one fetch; WarehouseBusyError where another process asks it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = self.folder / f"{vendor}.lock"
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WarehouseBusyError(
                    f"another process fetches from {vendor} into {self.folder}; wait for it to end"
                ) from None
            yield
        finally:
            os.close(handle)

    def store_body(self, body: bytes) -> str:
        """Put a body on the disk, if it is not there already, and return its sha256."""
        sha256 = hashlib.sha256(body).hexdigest()
        path = self._path(sha256)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f"draft-{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp")
            with draft.open("wb") as opened:
                opened.write(gzip.compress(body, compresslevel=6, mtime=0))
                opened.flush()
                os.fsync(opened.fileno())
            os.replace(draft, path)
            sync_folder(path.parent)
        return sha256

    def record(self, item: Answered) -> None:
        """Append a page to the ledger; it is on the disk when this returns."""
        self.folder.mkdir(parents=True, exist_ok=True)
        is_new = not self.ledger.exists()
        line = json.dumps(_as_json(item), separators=(",", ":"), ensure_ascii=True)
        with self.ledger.open("ab+") as opened:
            # Another vendor's fetch may append too; closing the file lets go of the lock.
            fcntl.flock(opened, fcntl.LOCK_EX)
            _drop_torn_line(opened)
            opened.write(line.encode() + b"\n")
            opened.flush()
            os.fsync(opened.fileno())
        if is_new:
            sync_folder(self.folder)

    def _path(self, sha256: str) -> Path:
        return self.folder / "pages" / sha256[:2] / f"{sha256}.json.gz"

    def _read_line(self, number: int, line: bytes) -> Answered:
        try:
            return _from_json(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise VendorError(
                f"line {number} of {self.ledger} cannot be read ({error}); restore the file from a"
                " backup, or remove the line: its page is then fetched again"
            ) from None


_REMEDY = (
    "restore it from a backup, or remove the lines with its hash from"
    f" {LEDGER_NAME} and ingest again to fetch them anew"
)


_COLUMNS = [
    *("request", "vendor", "dataset", "symbols", "start_date", "end_date", "page", "path"),
    *("status", "sha256", "n_bytes", "n_rows", "is_last", "fetched_at"),
]
_WHOLE = dict.fromkeys(("request", "page", "status", "n_bytes", "n_rows"), "int64")


def ledger_frame(store: RawStore) -> "pd.DataFrame":
    """Return the ledger in the columns of `bars.requests`, one row per answered page."""
    import pandas as pd

    rows = [
        (
            number,
            item.wanted.vendor,
            item.wanted.dataset,
            ",".join(item.wanted.symbols),
            item.wanted.start,
            item.wanted.end,
            item.page,
            item.call.path,
            item.status,
            item.sha256,
            item.n_bytes,
            item.n_rows,
            item.is_last,
            item.fetched_at,
        )
        for number, item in enumerate(store.answered())
    ]
    frame = pd.DataFrame(rows, columns=_COLUMNS).astype(_WHOLE | {"is_last": "bool"})
    for column in ("start_date", "end_date"):
        frame[column] = pd.to_datetime(frame[column]).astype("datetime64[ns]")
    frame["fetched_at"] = pd.to_datetime(frame.fetched_at, utc=True).astype("datetime64[ns, UTC]")
    return frame


def _drop_torn_line(opened: Any) -> None:
    """Cut off what a killed process left behind the last line end."""
    size = opened.seek(0, os.SEEK_END)
    end = size
    while end > 0:
        start = max(0, end - 65536)
        opened.seek(start)
        found = opened.read(end - start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        opened.truncate(end)
    opened.seek(0, os.SEEK_END)


def _as_json(item: Answered) -> dict[str, Any]:
    wanted, after = item.wanted, item.next_call
    return {
        "vendor": wanted.vendor,
        "dataset": wanted.dataset,
        "symbols": wanted.symbols,
        "start": wanted.start.isoformat(),
        "end": wanted.end.isoformat(),
        "path": item.call.path,
        "params": item.call.params,
        "page": item.page,
        "status": item.status,
        "sha256": item.sha256,
        "n_bytes": item.n_bytes,
        "n_rows": item.n_rows,
        "fetched_at": item.fetched_at.isoformat(),
        "is_last": item.is_last,
        "next": None if after is None else {"path": after.path, "params": after.params},
    }


def _from_json(line: dict[str, Any]) -> Answered:
    wanted = Wanted(
        line["vendor"],
        line["dataset"],
        tuple(line["symbols"]),
        date.fromisoformat(line["start"]),
        date.fromisoformat(line["end"]),
    )
    after = line["next"]
    return Answered(
        wanted,
        _call(line),
        line["page"],
        line["status"],
        line["sha256"],
        line["n_bytes"],
        line["n_rows"],
        datetime.fromisoformat(line["fetched_at"]),
        None if after is None else _call(after),
    )


def _call(line: dict[str, Any]) -> Call:
    pairs: Sequence[Sequence[str]] = line["params"]
    return Call(line["path"], tuple((str(name), str(value)) for name, value in pairs))
