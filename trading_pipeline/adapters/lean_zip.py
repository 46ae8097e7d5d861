"""Lean's zip files of daily bars, minute bars and minute quotes, made readable as Parquet.

A zip holds one text without header. Daily: `20130102 00:00,open,high,low,close,volume`, the symbol
from the zip's name. Minute: `20130102_trade.zip` or `20130102_quote.zip` holding
`20130102_aapl_minute_trade.csv`, its first column milliseconds since New York midnight; a quote's
line is bid open, high, low, close, size, then the same of the ask. Prices are ten-thousandths of a
dollar, as traded.
"""

import hashlib
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

import pandas as pd

from trading_pipeline.contracts.errors import InputError

BARS: Final = ["time", "open", "high", "low", "close", "volume"]
QUOTES: Final = [
    "time",
    *(f"{side}_{name}" for side in ("bid", "ask") for name in (*BARS[1:5], "size")),
]
PRICE_UNIT_USD = 1e-4
# What a day of one symbol can hold is far smaller; a zip that unpacks to more is none of Lean's.
MAX_BYTES = 512 * 1024 * 1024
NEW_YORK = "America/New_York"
LAYOUT = "1"
_MINUTE_MEMBER: Final = re.compile(r"([0-9]{8})_(.+)_minute_(trade|quote)\.csv", re.IGNORECASE)
_MINUTE_ZIP: Final = re.compile(r"([0-9]{8})_(trade|quote)", re.IGNORECASE)
_WORDS: Final = {"minute": "trade", "quotes": "quote"}


class Conversions:
    """Where converted files stand: a folder given by the caller, else one that ends with this."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._own: tempfile.TemporaryDirectory[str] | None = None

    @property
    def folder(self) -> Path:
        """The folder, made when first asked for."""
        if self._folder is None:
            self._own = tempfile.TemporaryDirectory(prefix="converted-")
            self._folder = Path(self._own.name)
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder


def converted(
    folder: Path, kind: str, zips: Sequence[Path], conversions: Conversions
) -> list[Path]:
    """Return Parquet files with the rows of the zips, one for each of their directories.

    Columns: symbol, ts (naive session date of daily bars, else UTC instant), and the numbers that
    `kind` (daily, minute or quotes) has. A directory whose zips have not changed is not read anew.

    Raises:
        InputError: A zip or its content is not what Lean writes; the message names the zip.
    """
    groups: dict[Path, list[Path]] = {}
    for path in sorted(zips):
        groups.setdefault(path.parent, []).append(path)
    made = []
    for members in groups.values():
        target = conversions.folder / f"lean-{kind}-{_digest(folder, members)}.parquet"
        if not target.exists():
            frames = [_rows(folder, kind, path) for path in members]
            partial = target.with_suffix(f".{os.getpid()}.partial")
            pd.concat(frames, ignore_index=True).to_parquet(partial, index=False)
            partial.replace(target)
        made.append(target)
    return made


def _digest(folder: Path, paths: Sequence[Path]) -> str:
    total = hashlib.sha256(LAYOUT.encode())
    for path in paths:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()}\n{content}\n".encode())
    return total.hexdigest()


def _rows(folder: Path, kind: str, path: Path) -> pd.DataFrame:
    name = path.relative_to(folder).as_posix()
    member, content = _member(name, path)
    columns = QUOTES if kind == "quotes" else BARS
    try:
        frame = pd.read_csv(BytesIO(content), header=None, dtype=str)
        if frame.shape[1] != len(columns):
            raise ValueError(f"{frame.shape[1]} columns, not {len(columns)}")
        frame.columns = pd.Index(columns)
        if frame["time"].isna().any():
            raise ValueError("a line without time")
        frame[columns[1:]] = frame[columns[1:]].astype("float64")
        if kind == "daily":
            symbol = path.stem.upper()
            frame["ts"] = pd.to_datetime(frame["time"], format="%Y%m%d 00:00").astype(
                "datetime64[us]"
            )
        else:
            symbol, day = _minute_name(name, path, member, _WORDS[kind])
            frame["ts"] = _instants(day, frame["time"])
    except (ValueError, OverflowError, pd.errors.ParserError) as error:
        problem = str(error).splitlines()[0]
        raise InputError(
            f"{name}: {member} is no Lean {kind} text ({problem}); replace or remove the zip"
        ) from None
    frame.insert(0, "symbol", symbol)
    prices = [name for name in columns[1:] if not name.endswith(("volume", "_size"))]
    frame[prices] = (frame[prices] * PRICE_UNIT_USD).round(6)
    return pd.DataFrame(frame.drop(columns="time"))


def _instants(day: str, times: pd.Series) -> pd.Series:
    """Return the UTC instants of milliseconds since a New York midnight."""
    milliseconds = times.astype("int64")
    if not milliseconds.between(0, 86_399_999).all():
        raise ValueError("a time beyond the day")
    local = pd.Timestamp(day) + pd.to_timedelta(milliseconds, unit="ms")
    aware = local.dt.tz_localize(NEW_YORK, ambiguous="NaT", nonexistent="NaT")
    if aware.isna().any():
        raise ValueError("a time in the hour in which New York changes its clocks")
    return aware.dt.tz_convert("UTC").astype("datetime64[us, UTC]")


def _member(name: str, path: Path) -> tuple[str, bytes]:
    """Return the name and content of the one file in a zip."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            if len(members) != 1:
                raise InputError(
                    f"{name} holds {len(members)} files; a Lean zip holds one, replace or remove it"
                )
            if members[0].file_size > MAX_BYTES:
                raise InputError(f"{name} unpacks to more than {MAX_BYTES} bytes; remove it")
            return members[0].filename, archive.read(members[0])
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:
        raise InputError(
            f"{name} cannot be read as a zip ({error}); replace or remove it"
        ) from None


def _minute_name(name: str, path: Path, member: str, word: str) -> tuple[str, str]:
    """Return symbol and date, on which the names of zip, member and directory must agree."""
    inner = _MINUTE_MEMBER.fullmatch(member)
    outer = _MINUTE_ZIP.fullmatch(path.stem)
    if inner is None or outer is None or inner[3].lower() != word or outer[2].lower() != word:
        raise InputError(
            f"{name} holds {member}; a Lean zip here is named <date>_{word}.zip and holds "
            f"<date>_<symbol>_minute_{word}.csv"
        )
    symbol = inner[2].upper()
    place = path.parent.name.upper()
    is_symbols_place = place not in ("MINUTE", "QUOTES")
    if inner[1] != outer[1] or (is_symbols_place and place != symbol):
        raise InputError(f"{name} holds {member}, of another day or symbol; replace or remove it")
    return symbol, inner[1]
