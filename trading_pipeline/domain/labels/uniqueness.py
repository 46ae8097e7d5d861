"""Average uniqueness: how much of a label's span no other label of the symbol describes."""

import numpy as np
from numpy.typing import NDArray


def average_uniqueness(
    code: NDArray[np.int64], session: NDArray[np.int64], horizon: int
) -> NDArray[np.float64]:
    """Return per label the mean, over its span, of 1 / number of the symbol's labels there.

    The label of session s spans [s+1, s+horizon]. Every label drawn counts, closed or not: which
    of them overlap a span is known when the span ends, so later data never change a closed label.

    Args:
        code: Symbol of each label as an integer, ascending.
        session: Session of each label, ascending within a symbol, each once.
        horizon: Sessions of a span.

    Returns:
        Values in [1 / horizon, 1], shape (n_labels,).

    Source: López de Prado, *Advances in Financial Machine Learning* (2018), ch. 4.
    """
    if not len(session):
        return np.empty(0)
    # Each symbol gets its own stretch of one long line of sessions, with room for the last span.
    is_first = np.concatenate([[True], np.diff(code) != 0])
    is_last = np.concatenate([is_first[1:], [True]])
    lengths = session[is_last] - session[is_first] + 1 + horizon
    offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    symbol = np.cumsum(is_first) - 1
    place = offsets[symbol] + session - session[is_first][symbol]
    change = np.zeros(int(lengths.sum()) + 2, dtype="int64")
    np.add.at(change, place + 1, 1)
    np.add.at(change, place + horizon + 1, -1)
    n_open = np.cumsum(change)
    inverse = 1.0 / np.maximum(n_open, 1)
    total = np.zeros(len(session))
    # One term at a time in a fixed order, so that cutting the data leaves the same bits.
    for step in range(1, horizon + 1):
        total += inverse[place + step]
    return total / horizon
