"""Finds the SQL that belongs to the program: migrations, queries and checks."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class MigrationFile:
    """One numbered step of the schema; `sha256` is the hash of its text."""

    number: int
    name: str
    sql: str
    sha256: str


def sql_directory() -> Path:
    """Return the SQL folder: inside the package when installed, else beside it in a checkout."""
    for folder in (_PACKAGE / "sql", _PACKAGE.parent / "sql"):
        if (folder / "migrations").is_dir():
            return folder
    raise FileNotFoundError(f"no sql/migrations in {_PACKAGE} or beside it; reinstall the program")


@lru_cache(maxsize=256)
def read_sql(name: str) -> str:
    """Return the text of one file, named without its ending: `queries/labels/training_rows`."""
    return (sql_directory() / f"{name}.sql").read_text(encoding="utf-8")


def migration_files(folder: Path | None = None) -> list[MigrationFile]:
    """Return the migrations in order; their number is the start of the file name.

    Raises ValueError where two files share a number.
    """
    found = []
    for path in sorted((folder or sql_directory() / "migrations").glob("[0-9]*_*.sql")):
        sql = path.read_text(encoding="utf-8")
        number = int(path.stem.partition("_")[0])
        found.append(
            MigrationFile(number, path.stem, sql, hashlib.sha256(sql.encode()).hexdigest())
        )
    numbers = [migration.number for migration in found]
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"migrations share a number: {[migration.name for migration in found]}")
    return found


def check_files() -> list[Path]:
    """Return the checks in order of name; each query returns the offending rows."""
    return sorted((sql_directory() / "checks").rglob("*.sql"))
