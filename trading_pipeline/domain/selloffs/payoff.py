"""What a fall is worth at a probability: the expected net multiple by three lines of training.

    expected R = p x (gross R of what reversed, by reward to risk)
                 + (1 - p) x (mean gross R of the rest) - (costs in R, by one over the stop)

A trade that reverses ends at its target, so its multiple grows with reward to risk; costs are a
share of the price, so in R they grow as the stop comes nearer.
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from trading_pipeline.domain.ensemble.metrics import Floats

REWARD, STOP = "reward_to_risk", "stop_distance_frac"
# Of the training rows: beyond them a line is a guess.
OUTER = (0.01, 0.99)


@dataclass(frozen=True, slots=True)
class Line:
    """A least-squares line between the outer values it was fitted on; missing is their mean."""

    intercept: float
    slope: float
    low: float
    high: float
    mean: float

    @classmethod
    def fit(cls, x: Floats, y: Floats) -> Self:
        """Fit on shapes (n,); flat where x does not vary, zero without a row."""
        known = np.isfinite(x) & np.isfinite(y)
        x, level = x[known], float(y[known].mean()) if known.any() else 0.0
        if not x.size:
            return cls(level, 0.0, 0.0, 0.0, 0.0)
        low, high = (float(v) for v in np.quantile(x, OUTER))
        x = np.clip(x, low, high)
        mean = float(x.mean())
        spread = float(((x - mean) ** 2).sum())
        slope = float(((x - mean) * (y[known] - level)).sum()) / spread if spread > 0 else 0.0
        return cls(level - slope * mean, slope, low, high, mean)

    def at(self, x: Floats) -> Floats:
        """Return the line's values, shape (n,)."""
        bounded = np.clip(np.where(np.isfinite(x), x, self.mean), self.low, self.high)
        return np.asarray(self.intercept + self.slope * bounded, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Payoff:
    """Gross R of a reversal by its reward, gross R of the rest, and costs in R by the stop."""

    reversed_r: Line
    rest_r: float
    cost_r: Line

    @classmethod
    def fit(cls, rows: pd.DataFrame, X: pd.DataFrame) -> Self:
        """Fit on training rows: label, gross_r and cost_r, and their features."""
        is_up = rows["label"].to_numpy() > 0
        gross, cost = (rows[name].to_numpy(np.float64) for name in ("gross_r", "cost_r"))
        reward = X[REWARD].to_numpy(np.float64)
        rest = gross[~is_up & np.isfinite(gross)]
        return cls(
            Line.fit(reward[is_up], gross[is_up]),
            float(rest.mean()) if rest.size else 0.0,
            Line.fit(_inverse(X[STOP]), cost),
        )

    def expected(self, probability: Floats, X: pd.DataFrame) -> Floats:
        """Return the expected net multiple in R of each row, shape (n,)."""
        reversal = self.reversed_r.at(X[REWARD].to_numpy(np.float64))
        gross = probability * reversal + (1.0 - probability) * self.rest_r
        return np.asarray(gross - self.cost_r.at(_inverse(X[STOP])), dtype=np.float64)

    def record(self) -> dict[str, Any]:
        """Return plain numbers for a file."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Self:
        """Read what ``record`` gave."""
        return cls(Line(**record["reversed_r"]), record["rest_r"], Line(**record["cost_r"]))


def _inverse(stop: ArrayLike) -> Floats:
    """One over a distance; missing where it is not above zero."""
    distance = np.asarray(stop, dtype=np.float64)
    inverse: Floats = np.full(distance.shape, np.nan)
    np.divide(1.0, distance, out=inverse, where=distance > 0)
    return inverse
