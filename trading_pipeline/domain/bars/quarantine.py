"""The shape of `bars.quarantine`: what was refused, as delivered, with its reason."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

QUARANTINE_COLUMNS = (
    "source_file",
    "target",
    "symbol",
    "ts",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "reason",
    "detail",
)
VALUE_COLUMNS = ("open", "high", "low", "close", "volume")


def quarantined(
    rows: pd.DataFrame,
    reasons: NDArray[np.object_],
    details: NDArray[np.object_],
    target: str = "bars.daily",
) -> pd.DataFrame:
    """Return the quarantine rows of the refused among `rows`; an empty reason is no refusal.

    Args:
        rows: Delivered rows: source_file, and symbol, ts and values where the file has them.
        reasons: Name of the rule, shape (n_rows,); "" where the row stands.
        details: What was seen, in words, shape (n_rows,).
        target: Table the rows were meant for.
    """
    wrong = reasons != ""
    taken = rows[wrong]
    columns = {
        "source_file": taken["source_file"].to_numpy(),
        "target": np.full(len(taken), target, dtype=object),
        "symbol": taken["symbol"].to_numpy() if "symbol" in taken else None,
        "ts": pd.DatetimeIndex(taken["ts"]).astype("datetime64[ns]"),
        **{
            name: taken[name].to_numpy("float64") if name in taken else np.nan
            for name in VALUE_COLUMNS
        },
        "reason": reasons[wrong],
        "detail": details[wrong],
    }
    return pd.DataFrame(columns, columns=list(QUARANTINE_COLUMNS), index=range(len(taken)))


def joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the quarantine frames as one, in an order that depends on their content alone."""
    filled = [part for part in parts if len(part)]
    if not filled:
        empty = np.empty(0, dtype=object)
        return quarantined(pd.DataFrame({"source_file": [], "symbol": [], "ts": []}), empty, empty)
    order = ["target", "source_file", "symbol", "ts", "reason", "detail"]
    # Column by column: pandas' own joining treats a column of missing values as untyped.
    whole = pd.DataFrame(
        {
            name: np.concatenate([part[name].to_numpy() for part in filled])
            for name in QUARANTINE_COLUMNS
        }
    )
    return whole.sort_values(order, kind="stable", ignore_index=True)
