"""The SQL that assets ask for by name."""

from collections.abc import Mapping

from trading_pipeline.adapters.market_relations import SESSION_CALENDAR, composed
from trading_pipeline.adapters.sql_files import check_files, read_sql


def read_query(name: str) -> str:
    """Return the text of a query file under `sql/queries/`."""
    return read_sql(f"queries/{name}")


def check_queries() -> dict[str, str]:
    """Return the text of each file of `sql/checks/` by its name, in order."""
    return {path.stem: path.read_text(encoding="utf-8") for path in check_files()}


def composed_select(name: str, raw: Mapping[str, str], judged: str | None = None) -> str:
    """Return a query of `bars/` with the relations it reads put before it.

    ``raw`` names the source's own selects; ``judged`` a query file between them and this one.
    """
    relations = {**raw, "session_calendar": SESSION_CALENDAR}
    if judged:
        relations[judged] = read_query(f"bars/{judged}")
    return composed(read_query(name), relations)
