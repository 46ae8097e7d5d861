"""SQL texts over a market folder's files, so that large tables pass from file to lake untouched."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

# Name under which the queries of bars/ know the exchange's sessions; `$sessions` is bound.
SESSION_CALENDAR = "select unnest($sessions, recursive := true)"


@dataclass(frozen=True, slots=True)
class Relation:
    """A select and the parameters it needs."""

    sql: str
    params: dict[str, Any]


def composed(query: str, relations: Mapping[str, str]) -> str:
    """Return `query` with each named relation as a common table expression before it.

    A relation may read those named before it. `query` and relations are selects, with or without
    a closing semicolon and comments.
    """
    named = ",\n".join(
        f"{name} as not materialized (\n{_bare(sql)}\n)" for name, sql in relations.items()
    )
    return f"with\n{named}\nselect * from (\n{_bare(query)}\n)"


def limited(
    relation: str, symbols: tuple[str, ...], start: date | None, end: date | None
) -> Relation:
    """Return the rows of a raw intraday relation that were asked for, by New York date."""
    conditions: list[str] = []
    params: dict[str, Any] = {}
    local = "(opens_at at time zone 'America/New_York')::date"
    if symbols:
        conditions.append("(symbol is null or list_contains($raw_symbols, symbol))")
        params["raw_symbols"] = list(symbols)
    if start:
        conditions.append(f"(opens_at is null or {local} >= $raw_start)")
        params["raw_start"] = start
    if end:
        conditions.append(f"(opens_at is null or {local} <= $raw_end)")
        params["raw_end"] = end
    where = f"\nwhere {' and '.join(conditions)}" if conditions else ""
    return Relation(f"select * from (\n{relation}\n){where}", params)


def _bare(sql: str) -> str:
    return sql.strip().removesuffix(";")
