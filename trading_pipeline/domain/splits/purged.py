"""Cross-validation folds for labels that take time to become known.

A training row is clean when it ends before the test block opens (purge), or starts after the
block's last label is known and a quiet period has passed (embargo). Sessions are ordinals of the
exchange calendar, so a fold never cuts through a day. Source: López de Prado, *Advances in
Financial Machine Learning* (2018), ch. 7.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Sessions: TypeAlias = NDArray[np.int64]
Rows: TypeAlias = NDArray[np.intp]


def is_clean(
    start: Sessions, end: Sessions, opens: int, closes: int, embargo: int
) -> NDArray[np.bool_]:
    """Return which spans [start, end] keep clear of the block [opens, closes] and its embargo."""
    return (end < opens) | (start > closes + embargo)


def purged_inner_folds(
    start_session: Sessions, end_session: Sessions, n_folds: int, embargo: int
) -> list[tuple[Rows, Rows]]:
    """Cut the sessions into `n_folds` consecutive test blocks, each with its clean rows.

    Args:
        start_session: First ordinal of each label span, shape (n_rows,), in any row order and for
            any number of symbols.
        end_session: Last ordinal of each label span.
        n_folds: Test blocks.
        embargo: [sessions] quiet after a block's longest label.

    Returns:
        One (train, test) pair of ascending row positions per block, oldest block first.

    Raises:
        ValueError: If the sessions cannot be cut so, a label ends before it starts, or a fold
            would have no training row.
    """
    sessions = np.unique(start_session)
    if not 2 <= n_folds <= sessions.size or embargo < 0:
        raise ValueError(
            f"{n_folds} folds with embargo {embargo} cannot split {sessions.size} sessions; "
            "give at least two folds, no more than sessions, and no negative embargo"
        )
    if (end_session < start_session).any():
        raise ValueError("a label cannot end before it starts")
    folds = []
    for block in np.array_split(sessions, n_folds):
        in_test = (start_session >= block[0]) & (start_session <= block[-1])
        # The longest label in the block closes it, which need not be the last one drawn.
        closes = int(end_session[in_test].max())
        clean = is_clean(start_session, end_session, int(block[0]), closes, embargo)
        if not clean.any():
            raise ValueError(
                f"no training row is clear of sessions {block[0]}..{closes}; "
                "give more sessions or fewer folds"
            )
        folds.append((np.flatnonzero(clean), np.flatnonzero(in_test)))
    return folds
