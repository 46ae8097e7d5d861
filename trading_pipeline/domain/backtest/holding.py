"""Names held over: a cohort keeps what its predecessor held while it ranks within a wider band.

The cohort of a session follows the one `hold_sessions` before it, with the same share of the
capital. A name that stays is neither sold nor bought again, so its costs are paid once.
Source: the buy/hold spread of Novy-Marx and Velikov, *A Taxonomy of Anomalies and Their Trading
Costs* (2016).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import BacktestConfig

Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]


def chosen_with_band(ranked: pd.DataFrame, n_taken: Rows, config: BacktestConfig) -> Rows:
    """Return the side of every row: 1 bought, -1 sold short, 0 left alone, shape (n,).

    `ranked` has session and symbol, sessions ascending and the best of each first; `n_taken`
    names of each side, on every row. A name that the cohort `hold_sessions` before chose stays,
    the best first, while it is among the first (last) `quantile_frac + hold_band_frac` of its
    session; the best (worst) others fill what is left.
    """
    side = np.zeros(len(ranked), dtype=np.intp)
    symbols = ranked["symbol"].to_numpy(object)
    earlier: dict[int, tuple[set[str], set[str]]] = {}
    band = config.quantile_frac + config.hold_band_frac
    sessions, first = np.unique(ranked["session"].to_numpy(np.int64), return_index=True)
    for session, rows in zip(
        sessions.tolist(), np.split(np.arange(len(ranked)), first[1:]), strict=True
    ):
        n = int(n_taken[rows[0]])
        n_wide = max(n, int(np.floor(band * rows.size + 1e-9)))
        longs, shorts = earlier.get(session - config.hold_sessions, (set(), set()))
        bought = _side(rows, symbols, longs, n, n_wide)
        sold = _side(rows[::-1], symbols, shorts, n, n_wide)
        side[bought] = 1
        if config.side == "long_short":
            side[sold] = -1
        earlier[session] = (set(symbols[bought]), set(symbols[sold]))
    return side


def _side(rows: Rows, symbols: NDArray[np.object_], held: set[str], n: int, n_wide: int) -> Rows:
    """Return the rows that one side takes of a session, its best first in `rows`."""
    stays = np.array([symbol in held for symbol in symbols[rows]], dtype=bool)
    stays[n_wide:] = False
    order = np.concatenate([rows[stays], rows[~stays]])
    return order[:n]


def held_over(
    cohort: NDArray[np.int64],
    column: Rows,
    side: Rows,
    entry: Rows,
    next_seam: Rows,
    hold_sessions: int,
) -> tuple[Flags, NDArray[np.int64]]:
    """Return which filled orders open a position, and the last cohort that holds each.

    Orders of shape (n,): the cohort's session, the symbol's column, 1 or -1, the row of the fill
    and the row after it from which prices no longer compare. An order whose name the cohort
    `hold_sessions` before holds on the same side opens nothing: that position goes on.
    """
    opens = np.ones(cohort.size, dtype=bool)
    last = cohort.copy()
    holder: dict[tuple[int, int, int], int] = {}
    for i in np.argsort(cohort, kind="stable"):
        key = (int(column[i]), int(side[i]))
        root = holder.get((*key, int(cohort[i]) - hold_sessions))
        if root is not None and next_seam[root] > entry[i]:
            opens[i], last[root] = False, cohort[i]
        else:
            root = int(i)
        holder[(*key, int(cohort[i]))] = root
    return opens, last
