"""Content hashes: equal rows give equal hashes, in whatever order they lie.

A row's hash is DuckDB's, over its columns in order of name; the count, the sum and the
exclusive or of the row hashes make the table's. Doubles enter by their bits (0.0 and -0.0, which
compare equal, are one value). Run and MLflow ids, wall-clock stamps and durations stay out, as
do versions, so that rows computed again to the same values are the same content.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

import duckdb

from trading_pipeline.adapters.database import identifier
from trading_pipeline.contracts.vocabulary import PROVENANCE_COLUMNS

_STAMPS = frozenset(
    (
        "stored_at",
        "written_at",
        "created_at",
        "read_at",
        "decided_at",
        "requested_at",
        "fetched_at",
        "applied_at",
        "seconds",
    )
)


def relation_hash(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    *,
    where: str = "",
    params: Mapping[str, object] | None = None,
    columns: Sequence[str] | None = None,
    with_provenance: bool = False,
) -> tuple[str, int]:
    """Return the content hash and the number of rows of a table, view or table function.

    `relation` and `where` are SQL; `columns` limits the hash to these names.
    """
    described = connection.execute(f"describe select * from {relation}").fetchall()
    kept = sorted(
        (str(name), str(kind))
        for name, kind, *_ in described
        if (name in columns if columns is not None else _is_content(name, with_provenance))
    )
    if not kept:
        raise ValueError(f"{relation} has no column to hash among {columns or 'its columns'}")
    names = ", ".join(identifier(name) for name, _ in kept)
    condition = f" where {where}" if where else ""
    found = connection.execute(
        "select count(*), sum(row_hash), bit_xor(row_hash)"
        f" from (select hash({names}) as row_hash from {relation}{condition})",
        dict(params or {}),
    ).fetchone()
    assert found is not None
    n_rows, *sums = found
    return _digest([kept, n_rows, [str(value) for value in sums]]), int(n_rows)


def partitions_hash(partitions: Iterable[tuple[str, str]]) -> str:
    """Return the hash of a lake table from its (partition, content hash) pairs."""
    return _digest(sorted(list(pair) for pair in partitions))


def _is_content(name: str, with_provenance: bool) -> bool:
    if name in PROVENANCE_COLUMNS:
        return with_provenance and name != "run_id"
    return name not in _STAMPS and not name.startswith("mlflow_")


def _digest(value: object) -> str:
    text = json.dumps(value, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
