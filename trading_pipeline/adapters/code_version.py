"""One hash for the code that computes tables: our rules, our SQL, and the libraries' versions."""

import hashlib
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from trading_pipeline.adapters.sql_files import sql_directory

# Folders whose text can change a table's rows.
COMPUTING_PACKAGES = ("assets", "contracts", "domain")
COMPUTING_LIBRARIES = (
    "catboost",
    "duckdb",
    "exchange-calendars",
    "lightgbm",
    "numba",
    "numpy",
    "optuna",
    "pandas",
    "scikit-learn",
    "scipy",
    "TA-Lib",
    "xgboost",
)
# Where an extra is installed, its version counts too.
OPTIONAL_LIBRARIES = ("torch",)


@lru_cache(maxsize=1)
def code_version() -> str:
    """Return the hash. Any change makes every table stale: slower than needed, never wrong."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for folder in COMPUTING_PACKAGES:
        for path in sorted((package / folder).rglob("*.py")):
            digest.update(path.relative_to(package).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    queries = sql_directory() / "queries"
    for path in sorted(queries.rglob("*.sql")):
        digest.update(path.relative_to(queries).as_posix().encode() + b"\0" + path.read_bytes())
    for library in COMPUTING_LIBRARIES:
        digest.update(f"{library}=={metadata.version(library)}\0".encode())
    for library in OPTIONAL_LIBRARIES:
        if find_spec(library) is not None:
            digest.update(f"{library}=={metadata.version(library)}\0".encode())
    return digest.hexdigest()[:16]
