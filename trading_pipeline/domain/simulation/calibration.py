"""How strong a planted signal must be for its own score to reach a wanted AUC."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.simulation.schedule import Flags, Floats

HORIZON_SESSIONS = 20
FIRST_SCORED_FRAC = 0.2  # the AUC is taken over the later four fifths
STRONGEST = 4.0  # daily drift in units of a symbol's volatility; far beyond any market
BISECTIONS = 30


@dataclass(frozen=True, slots=True)
class ForwardReturns:
    """Log returns from the next open to the close of the horizon, with a signal of any strength.

    Shape (sessions, symbols). The return at strength k is `noise` + k * `per_strength`, missing
    where there is no label.
    """

    noise: Floats
    per_strength: Floats

    def labels(self, strength: float) -> NDArray[np.bool_]:
        """Return where the return lies above the session's median; false where missing."""
        returns = self.noise + strength * self.per_strength
        return np.asarray(returns > np.nanmedian(returns, axis=1, keepdims=True))


def forward_returns(
    overnight: Floats, intraday: Floats, drift: Floats, is_trading: Flags
) -> ForwardReturns:
    """Return the forward log returns of every session that has a whole horizon after it.

    All arrays have shape (sessions, symbols); `drift` is what strength one adds to each intraday
    return. A symbol that ends inside the horizon exits at its last close; one that does not trade
    in the session and the next has no label.
    """
    n_rows = len(overnight) - HORIZON_SESSIONS
    rows = np.arange(n_rows)[:, None]
    ended = is_trading.shape[0] - 1 - np.argmax(is_trading[::-1], axis=0)
    exit_row = np.minimum(rows + HORIZON_SESSIONS, ended)
    close = np.cumsum(overnight + intraday, axis=0)
    pushed = np.cumsum(drift, axis=0)
    entry = close[:n_rows] + overnight[1 : n_rows + 1]
    has_label = is_trading[:n_rows] & is_trading[1 : n_rows + 1]
    noise = np.take_along_axis(close, exit_row, axis=0) - entry
    per_strength = np.take_along_axis(pushed, exit_row, axis=0) - pushed[:n_rows]
    return ForwardReturns(np.where(has_label, noise, np.nan), per_strength)


def signal_strength(
    returns: ForwardReturns, score: Floats, wanted_auc: float
) -> tuple[float, float]:
    """Return the strength at which the score's AUC is `wanted_auc`, and the AUC reached.

    `score` has shape (sessions, symbols) like the returns. The AUC pools the labelled rows of the
    later four fifths. Raises InputError where no strength reaches it, or chance
    alone does.
    """
    first = int(FIRST_SCORED_FRAC * len(score))
    tail = ForwardReturns(returns.noise[first:], returns.per_strength[first:])
    has_label = np.isfinite(tail.noise)
    scores = score[first:][has_label]
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores, kind="stable")] = np.arange(1, len(scores) + 1)

    def auc(strength: float) -> float:
        above = tail.labels(strength)[has_label]
        n_above, n_below = int(above.sum()), int((~above).sum())
        return float((ranks[above].sum() - n_above * (n_above + 1) / 2) / (n_above * n_below))

    low, high = 0.0, STRONGEST
    if auc(high) < wanted_auc:
        raise InputError(
            f"oracle AUC {wanted_auc} cannot be reached by this signal (at most {auc(high):.3f}); "
            "ask for less"
        )
    if auc(low) > wanted_auc:
        raise InputError(
            f"the score reaches AUC {auc(low):.3f} by chance alone, more than the wanted "
            f"{wanted_auc}; ask for more, or for more sessions and symbols"
        )
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if auc(middle) < wanted_auc else (low, middle)
    return high, auc(high)
