"""Jumps no split explains: withheld until the next session confirms or reverts them."""

import math

import numpy as np
from numpy.typing import NDArray

KEPT, LATE, REVERTED, UNCONFIRMED = 0, 1, 2, 3


def judge_jumps(
    codes: NDArray[np.int64],
    close: NDArray[np.float64],
    level: NDArray[np.float64],
    starts_anew: NDArray[np.bool_],
    ratio: float,
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Return the verdict on each row and the row the verdict refers to.

    A row is suspect where both its delivered close and its adjusted level jump by `ratio` or more,
    up or down, against the last accepted row: a split moves only one of the two. The next row
    decides: nearer (in logarithms) to the jump than to the earlier level confirms it, else it was
    a tick. A row's verdict reads at most one row after it.

    Args:
        codes: Symbol of each row, shape (n,), sorted; rows of a symbol by session.
        close: Delivered closes, positive.
        level: Closes on one scale across splits and vendors, positive.
        starts_anew: Rows without a comparable predecessor; never suspect.
        ratio: Above 1.

    Returns:
        Verdicts KEPT, LATE (kept, known when the next row is), REVERTED or UNCONFIRMED (no
        comparable row after it), and positions: of the confirming row where LATE, of the
        last accepted row where withheld, else -1.
    """
    n = len(codes)
    verdict = np.zeros(n, dtype="int8")
    refers_to = np.full(n, -1, dtype="int64")
    if n < 2:
        return verdict, refers_to
    limit = math.log(ratio)
    log_close, log_level = np.log(close), np.log(level)
    # Without a jump between neighbours no row can be suspect, so most symbols need no walk.
    moved = np.r_[False, np.abs(np.diff(log_level)) >= limit] & ~starts_anew
    edges = np.r_[np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]]), n]
    walked = np.unique(np.searchsorted(edges, np.flatnonzero(moved), side="right") - 1)
    for symbol in walked:
        first, stop = int(edges[symbol]), int(edges[symbol + 1])
        first += int(np.argmax(moved[first:stop])) - 1
        accepted = first
        for row in range(first + 1, stop):
            jump = abs(log_level[row] - log_level[accepted])
            raw_jump = abs(log_close[row] - log_close[accepted])
            if starts_anew[row] or jump < limit or raw_jump < limit:
                accepted = row
            elif row + 1 == stop or starts_anew[row + 1]:
                verdict[row], refers_to[row] = UNCONFIRMED, accepted
            elif abs(log_level[row + 1] - log_level[row]) < abs(
                log_level[row + 1] - log_level[accepted]
            ):
                verdict[row], refers_to[row] = LATE, row + 1
                accepted = row
            else:
                verdict[row], refers_to[row] = REVERTED, accepted
    return verdict, refers_to
