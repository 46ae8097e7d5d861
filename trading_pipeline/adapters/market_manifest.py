"""`market.toml`: what each file of a market folder holds, and what is assumed where it is silent.

Assumed of a file it does not name: vendor from the file's `vendor` column, else 'unknown'; kind
equity; time zone UTC; daily prices split-adjusted where there is an `adj_close`, raw where the
folder has corporate actions, else total; minute prices raw. Assumed without `index_symbol`: the
first of INDEX_SYMBOLS that the daily files hold.
"""

import tomllib
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from trading_pipeline.contracts.errors import InputError

MANIFEST_NAME = "market.toml"
INDEX_SYMBOLS = ("SPY", "SPX", "^GSPC", "SP500")
# Names that stand for all files of a form in a place; see `foreign_files`.
PATTERNS = tuple(
    f"{kind}/*{end}" for kind in ("daily", "minute", "quotes") for end in (".txt", ".zip")
)
Prices = Literal["raw", "split", "total"]
Kind = Literal["equity", "etf", "index"]


class FileEntry(BaseModel):
    """What `market.toml` says about one file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vendor: str | None = None
    interval: Literal["1d", "1m"] | None = None
    adjusted: bool | None = None
    prices: Prices | None = None
    timezone: str = "UTC"
    kind: Kind = "equity"
    simulated: bool = False

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise ValueError(
                f"{name!r} is no time zone; give a name like America/New_York"
            ) from None
        return name

    @model_validator(mode="after")
    def _adjustment_agrees(self) -> "FileEntry":
        contradicts = self.adjusted is not None and self.prices is not None
        if contradicts and self.adjusted != (self.prices == "total"):
            raise ValueError(
                f"adjusted = {self.adjusted} contradicts prices = {self.prices!r}; "
                "adjusted = true means prices = 'total'"
            )
        return self


class Manifest(BaseModel):
    """The whole of `market.toml`; all of it may be left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    index_symbol: str | None = None
    vendor_order: tuple[str, ...] = ()
    files: dict[str, FileEntry] = Field(default_factory=dict)


def read_manifest(folder: Path) -> Manifest:
    """Return the folder's manifest, an empty one where it has no `market.toml`.

    Raises:
        InputError: Unreadable TOML, an unknown key, a wrong value; an entry whose file is missing.
    """
    path = folder / MANIFEST_NAME
    if not path.exists():
        return Manifest()
    try:
        manifest = Manifest.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}; correct the TOML") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        problem = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{path}: {place}: {problem}") from None
    for name in manifest.files:
        if not (folder / name).is_file() and name not in PATTERNS:
            raise InputError(
                f"{path} names {name!r}, which does not exist; add the file or remove the entry"
            )
    return manifest


def assumed_prices(entry: FileEntry, *, has_adj_close: bool, has_actions: bool) -> Prices:
    """Return what a daily file's prices are adjusted for."""
    if entry.prices is not None:
        return entry.prices
    if entry.adjusted:
        return "total"
    if has_adj_close:
        return "split"
    return "raw" if has_actions or entry.adjusted is False else "total"
