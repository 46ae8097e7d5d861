"""A fitted model of falls: what it says of one, with its reasons, and its files."""

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from trading_pipeline.contracts.selloffs_config import RiskTier
from trading_pipeline.domain.ensemble.members import (
    Member,
    members_from_bytes,
    members_to_bytes,
    predict_stack,
)
from trading_pipeline.domain.ensemble.metrics import Floats
from trading_pipeline.domain.ensemble.recipe import Recipe
from trading_pipeline.domain.ensemble.stack import STACK, Stack
from trading_pipeline.domain.predictions.said import reasons_of
from trading_pipeline.domain.selloffs.panel import model_matrix
from trading_pipeline.domain.selloffs.payoff import REWARD, STOP, Payoff

FALLS_FILE = "falls.json"
N_REASONS = 5
VALUE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Trained:
    """What a model was fitted on: its first and last session, and how many falls."""

    first_session: int
    last_session: int
    n_rows: int


@dataclass(frozen=True, slots=True, eq=False)
class SelloffModel:
    """Learners, their calibrated mean, what a probability pays, and how much it may risk.

    ``threshold_r`` is the expected multiple that selects the best third of the falls before it.
    """

    recipe: Recipe
    members: tuple[Member, ...]
    stack: Stack
    payoff: Payoff
    threshold_r: float
    tiers: tuple[RiskTier, ...]
    trained: Trained

    @property
    def features(self) -> list[str]:
        """Return the columns of selloffs.features it reads, sorted."""
        read = {name for member in self.members for name in member.recipe.features}
        return sorted(read | {REWARD, STOP})

    def judge(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return probability, expected_r, risk_tier and is_selected of a model's matrix."""
        # Linear algebra rounds by the layout, and a single row its own way: it gets company.
        values = X.to_numpy(np.float32)
        values = np.repeat(values, 2, axis=0) if len(X) == 1 else values
        asked = pd.DataFrame(np.ascontiguousarray(values), columns=X.columns)
        nobody: NDArray[np.object_] = np.full(len(asked), np.nan, dtype=object)
        said = predict_stack(self.members, self.stack, asked, nobody)[STACK]
        probability = said.to_numpy(np.float64)[: len(X)]
        expected = self.payoff.expected(probability, X)
        return pd.DataFrame(
            {
                "probability": probability,
                "expected_r": expected,
                "risk_tier": risk_tiers(probability, expected, self.tiers),
                "is_selected": expected > self.threshold_r,
            },
            index=X.index,
        )

    def speak(self, features: pd.DataFrame, n_reasons: int = N_REASONS) -> pd.DataFrame:
        """Return what it says of falls, on their index; a row alone and in company is the same.

        Args:
            features: Rows of selloffs.features in any order; missing values are NaN.
            n_reasons: Features named as reasons, at most.

        Returns:
            probability [0..1], expected_r [R, net], risk_tier [risk units] and reasons_json: a
            list of [feature, contribution in log odds, value], the largest contribution first.

        Raises:
            ValueError: A feature that the model reads is not a column.
        """
        X = model_matrix(features, self.features)
        said = self.judge(X).drop(columns="is_selected")
        reasons = reasons_of(self.members, X, n_reasons)
        values = X.to_dict("records")
        told = [_with_values(one, row) for one, row in zip(reasons, values, strict=True)]
        return said.assign(reasons_json=told)

    def to_files(self) -> dict[str, bytes]:
        """Return file name to content; equal models give equal bytes."""
        record = {
            "payoff": self.payoff.record(),
            "threshold_r": self.threshold_r,
            "tiers": [tier.model_dump() for tier in self.tiers],
            "trained": asdict(self.trained),
        }
        files = members_to_bytes(self.recipe, self.members, self.stack)
        return {**files, FALLS_FILE: json.dumps(record, sort_keys=True).encode()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], threads: int) -> Self:
        """Read what ``to_files`` wrote. Raises ValueError naming a file that is not there."""
        if FALLS_FILE not in files:
            raise ValueError(f"the model has no file {FALLS_FILE}: it is no model of falls")
        recipe, members, stack = members_from_bytes(files, threads=threads)
        record = json.loads(files[FALLS_FILE])
        record["payoff"] = Payoff.from_record(record["payoff"])
        record["trained"] = Trained(**record["trained"])
        record["tiers"] = tuple(RiskTier(**tier) for tier in record["tiers"])
        return cls(recipe=recipe, members=members, stack=stack, **record)


def risk_tiers(probability: ArrayLike, expected_r: ArrayLike, tiers: Sequence[RiskTier]) -> Floats:
    """Return the risk units of each fall: of the highest tier its probability reaches, else none.

    None either where its expected net multiple is not above zero: a likely reversal whose target is
    near and whose costs are high loses money all the same.
    """
    p = np.asarray(probability, dtype=np.float64)
    risk = np.zeros(p.shape)
    for tier in sorted(tiers, key=lambda one: one.probability):
        risk[p >= tier.probability] = tier.risk
    return np.where(np.asarray(expected_r, dtype=np.float64) > 0, risk, 0.0)


def _with_values(reasons: str, values: Mapping[Hashable, float]) -> str:
    """Return reasons with the value of each feature beside its contribution."""
    named = [
        [name, part, round(float(values[name]), VALUE_DIGITS) if pd.notna(values[name]) else None]
        for name, part in json.loads(reasons)
    ]
    return json.dumps(named)
