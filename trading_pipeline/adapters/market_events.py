"""The files `events/<kind>.*` of a market folder: which kinds there are, and how rows are read.

Each row says by `known_at` when it could first be used. An instant without an offset is read in
the file's time zone; a `known_at` that is a date alone counts from the end of that day in New
York, for nothing says that it was known earlier.
"""

from pathlib import Path
from typing import Final

import pandas as pd

from trading_pipeline.adapters.market_files import (
    TEXT_TYPE,
    DataFile,
    has_offset,
    is_data_file,
    literal,
    memory_connection,
)
from trading_pipeline.adapters.market_listing import frame_of
from trading_pipeline.adapters.market_manifest import FileEntry
from trading_pipeline.contracts.errors import InputError

FOLDER: Final = "events"
# Columns by kind, each text, number, date or instant; the first ones are needed.
COLUMNS: Final[dict[str, dict[str, str]]] = {
    "news": {
        "symbol": "text",
        "published_at": "instant",
        "headline": "text",
        "known_at": "instant",
        "news_id": "text",
        "summary": "text",
        "source": "text",
        "vendor": "text",
        "sentiment": "number",
    },
    "social": {
        "symbol": "text",
        "posted_at": "instant",
        "known_at": "instant",
        "platform": "text",
        "post_id": "text",
        "n_posts": "number",
        "text": "text",
        "sentiment": "number",
    },
    "options_flow": {
        "symbol": "text",
        "session_date": "date",
        "known_at": "instant",
        "call_volume": "number",
        "put_volume": "number",
        "call_premium_usd": "number",
        "put_premium_usd": "number",
        "imbalance": "number",
    },
    "etf_flows": {
        "symbol": "text",
        "session_date": "date",
        "flow_usd": "number",
        "known_at": "instant",
    },
    "calendar_events": {
        "kind": "text",
        "scheduled_at": "instant",
        "known_at": "instant",
        "symbol": "text",
        "event_id": "text",
    },
}
NEEDED: Final = {
    "news": ("symbol", "published_at", "headline"),
    "social": ("symbol", "posted_at"),
    "options_flow": ("symbol", "session_date"),
    "etf_flows": ("symbol", "session_date", "flow_usd"),
    "calendar_events": ("kind", "scheduled_at"),
}
DATE_ALONE: Final = r"^\d{4}-\d{2}-\d{2}$"
MIDNIGHT: Final = r"^\d{4}-\d{2}-\d{2}([ T]00:00(:00([.]0+)?)?)?$"


def event_files(folder: Path) -> dict[str, DataFile]:
    """Return the checked event files of a market folder by `events/<kind>`.

    Raises:
        InputError: A file of another kind, two files of one kind, an unreadable file, a column
            that is missing or holds something else.
    """
    if not (folder / FOLDER).is_dir():
        return {}
    found: dict[str, DataFile] = {}
    for path in sorted((folder / FOLDER).iterdir()):
        if not is_data_file(path):
            continue
        kind = path.name.split(".")[0]
        if kind not in COLUMNS:
            raise InputError(
                f"{FOLDER}/{path.name} is of no known kind; name it {', '.join(COLUMNS)}, "
                "as Parquet or CSV, or move it elsewhere"
            )
        key = f"{FOLDER}/{kind}"
        if key in found:
            raise InputError(
                f"market folder {folder} holds {found[key].name} and {FOLDER}/{path.name}; "
                "keep one of them"
            )
        found[key] = _checked(DataFile.open(folder, path), kind)
    return found


def event_rows(data: DataFile, kind: str, entry: FileEntry) -> pd.DataFrame:
    """Return the rows of an event file, all columns of its kind, source_file.

    Instants are UTC, dates naive, text None and numbers NaN where missing. `vendor` is the
    manifest's where it names the file.
    """
    selected = []
    for column, given in COLUMNS[kind].items():
        if column == "known_at":
            value = _known_at(data, entry.timezone)
        elif given == "instant":
            value = data.instant(column, entry.timezone, may_be_date=False)
        elif given == "date":
            value = f"({data.instant(column)})::date"
        elif column == "vendor" and entry.vendor is not None:
            value = literal(entry.vendor)
        else:
            value = data.number(column) if given == "number" else data.text(column)
        selected.append(f"{value} as {column}")
    frame = frame_of(f"select {', '.join(selected)} from {data.scan}")
    for column, given in COLUMNS[kind].items():
        if given in ("instant", "date"):
            frame[column] = pd.to_datetime(frame[column]).astype("datetime64[ns]")
        if given == "instant":
            frame[column] = frame[column].dt.tz_localize("UTC")
    return frame.assign(source_file=data.name)


def _checked(data: DataFile, kind: str) -> DataFile:
    if "known_at" not in data.columns:
        raise InputError(
            f"{data.name} lacks known_at; add the column: for each row the moment at which it "
            "could first be used, such as when your feed delivered it"
        )
    data.require((*NEEDED[kind], "known_at"))
    given = COLUMNS[kind]
    data.check_instants(tuple(name for name in given if given[name] in ("instant", "date")))
    data.check_numbers(tuple(name for name in given if given[name] == "number"))
    return data


def _known_at(data: DataFile, timezone: str) -> str:
    """Return SQL for the naive UTC moment of `known_at`; of a date alone, the end of the day."""
    moment = data.instant("known_at", timezone, may_be_date=False)
    date = data.instant("known_at")
    whole_day = f"({date} + interval 1 day) at time zone 'America/New_York' at time zone 'UTC'"
    kind = data.types["known_at"]
    if kind == TEXT_TYPE:
        text = data.text("known_at")
        if _holds_only(data, f"regexp_matches({text}, {literal(MIDNIGHT)})"):
            return whole_day
        is_date = f"regexp_matches({text}, {literal(DATE_ALONE)})"
        return f"case when {is_date} then {whole_day} else {moment} end"
    # A column of instants that are all midnights holds dates.
    is_naive = not has_offset(kind)
    if kind == "DATE" or (is_naive and _holds_only(data, f"({date})::time = time '00:00'")):
        return whole_day
    return moment


def _holds_only(data: DataFile, condition: str) -> bool:
    """Return whether a condition holds in every row where it can be told, and in one at least."""
    with memory_connection() as connection:
        found = connection.execute(
            f"select coalesce(bool_and({condition}), false) from {data.scan}"
        ).fetchone()
    return bool(found and found[0])
