"""The second level: a meta-learner over out-of-fold probabilities, and its calibration.

The meta-learner starts from the mean log odds of the learners and may only add what the data
insist on: its residual is penalised so strongly that on noise it vanishes and the stack is the
mean of the learners, which is hard to beat (Timmermann, 2006). Nothing here is ever fitted on
a label whose span reaches into the rows it predicts.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from trading_pipeline.contracts.config import EnsembleConfig
from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.domain.ensemble.metrics import Floats, logistic_line, logit, sigmoid
from trading_pipeline.domain.ensemble.sklearn_files import part_from_skops, skops_bytes

MetaKind = Literal["mlp", "logistic", "mean"]
CalibrationKind = Literal["platt", "isotonic"]

STACK = "stack"
KEYS = ("symbol", "session_date", "session", "block", "end_session", "regime", "label")
# A slope never falls below this: skill that cannot be seen shrinks the probabilities towards
# their mean but neither turns the ranking round nor ties it.
MIN_SLOPE = 0.02
# A standardised input must move the label's log odds by more than this to be heard at all.
NETWORK_PENALTY = 0.10
# A ridge does not silence small effects, it scales all of them: this keeps a third.
RIDGE_PENALTY = 2.0
HIDDEN_UNITS = 8


@dataclass(frozen=True, slots=True)
class MetaLearner:
    """Mean log odds of the learners, scaled, plus a shrunken residual.

    Without a scaler and a residual it is the mean as it stands.
    """

    learners: tuple[str, ...]
    intercept: float
    slope: float
    scaler: Any
    residual: Any

    def predict(self, probabilities: pd.DataFrame, regime: ArrayLike) -> Floats:
        """Probability of label 1, shape (n,), from one column a learner and the regimes."""
        log_odds = logit(probabilities[list(self.learners)].to_numpy(np.float64))
        if self.residual is None:
            return sigmoid(self.intercept + self.slope * log_odds.mean(axis=1))
        inputs = self.scaler.transform(_inputs(log_odds, regime))
        with _one_thread():
            residual = np.asarray(self.residual.predict(inputs), dtype=np.float64).ravel()
        return sigmoid(self.intercept + self.slope * log_odds.mean(axis=1) + residual)

    def to_bytes(self) -> bytes:
        """Canonical skops bytes."""
        state = {
            "learners": list(self.learners),
            "intercept": self.intercept,
            "slope": self.slope,
            "scaler": self.scaler,
            "residual": self.residual,
        }
        return skops_bytes(state)

    @classmethod
    def from_bytes(cls, content: bytes) -> "MetaLearner":
        """Read what ``to_bytes`` wrote."""
        state = part_from_skops(content)
        return cls(
            tuple(state["learners"]),
            float(state["intercept"]),
            float(state["slope"]),
            state["scaler"],
            state["residual"],
        )


@dataclass(frozen=True, slots=True)
class Calibrator:
    """A rising curve from log odds to probability: a line (Platt) or steps (isotonic).

    ``knots`` and ``values`` are log odds: two points of a line, or the isotonic corners between
    which it is interpolated.
    """

    kind: CalibrationKind
    knots: tuple[float, ...]
    values: tuple[float, ...]

    def predict(self, probability: ArrayLike) -> Floats:
        """Calibrated probability, shape (n,)."""
        x = logit(probability)
        if self.kind == "platt":
            slope = (self.values[1] - self.values[0]) / (self.knots[1] - self.knots[0])
            return sigmoid(self.values[0] + slope * (x - self.knots[0]))
        # The faint line keeps rows apart that share a step, in their old order.
        return sigmoid(np.interp(x, self.knots, self.values) + MIN_SLOPE * x)

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        record = {"kind": self.kind, "knots": self.knots, "values": self.values}
        return json.dumps(record, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Calibrator":
        """Read what ``to_bytes`` wrote."""
        record = json.loads(content)
        return cls(record["kind"], tuple(record["knots"]), tuple(record["values"]))


@dataclass(frozen=True, slots=True)
class Stack:
    """Meta-learner and calibrator, as one function of the learners' probabilities."""

    meta: MetaLearner
    calibrator: Calibrator

    def predict(self, probabilities: pd.DataFrame, regime: ArrayLike) -> Floats:
        """Calibrated probability of label 1, shape (n,)."""
        return self.calibrator.predict(self.meta.predict(probabilities, regime))


def second_level(config: EnsembleConfig) -> MetaKind:
    """Return what joins the learners: the meta-learner, or their mean where the stack is off."""
    return config.meta_learner if config.use_stack else "mean"


def fit_meta(
    oof: pd.DataFrame,
    label: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    learners: tuple[str, ...],
    kind: MetaKind,
    seed: int,
) -> MetaLearner:
    """Fit the meta-learner on out-of-fold rows.

    ``oof`` has one probability column a learner and ``regime``; ``label`` and ``sample_weight``
    of shape (n,). First a line from the mean log odds to the label, its slope kept above zero;
    then one Newton step of the logistic loss around it, fitted by a small tanh network (``mlp``)
    or a ridge (``logistic``) on the standardised mean, each learner's distance to it and the
    regime flags. Kind ``mean`` fits nothing: the mean log odds. Raises ValueError where one
    class is absent.
    """
    if kind == "mean":
        return MetaLearner(tuple(learners), 0.0, 1.0, None, None)
    from sklearn.linear_model import Ridge
    from sklearn.neural_network import MLPRegressor
    from sklearn.preprocessing import StandardScaler

    y = np.asarray(label, dtype=np.float64)
    w = np.ones_like(y) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if y.size == 0 or y.min() == y.max():
        raise ValueError("the meta-learner needs out-of-fold rows of both labels")
    log_odds = logit(oof[list(learners)].to_numpy(np.float64))
    mean = log_odds.mean(axis=1)
    intercept, slope = rising_line(mean, y, w)
    p = sigmoid(intercept + slope * mean)
    curvature = p * (1.0 - p)
    scaler = StandardScaler().fit(_inputs(log_odds, oof["regime"].to_numpy()))
    inputs = scaler.transform(_inputs(log_odds, oof["regime"].to_numpy()))
    weight = w * curvature / (w * curvature).mean()
    if kind == "mlp":
        residual = MLPRegressor(
            hidden_layer_sizes=(HIDDEN_UNITS,),
            activation="tanh",
            solver="lbfgs",
            alpha=NETWORK_PENALTY * y.size,
            max_iter=200,
            random_state=seed,
        )
    else:
        residual = Ridge(alpha=RIDGE_PENALTY * y.size)
    with _one_thread():
        residual.fit(inputs, (y - p) / curvature, sample_weight=weight)
    return MetaLearner(tuple(learners), intercept, slope, scaler, residual)


def fit_calibrator(probability: ArrayLike, label: ArrayLike, kind: CalibrationKind) -> Calibrator:
    """Fit the calibration on natural, unweighted rows the meta-learner did not train on.

    Shapes (n,). Platt: a logistic line on the log odds, slope at least ``MIN_SLOPE``. Isotonic:
    pooled adjacent violators. Without visible skill both collapse towards the base rate and
    leave the ranking as it is. Sources: Platt (1999); Zadrozny and Elkan (2002).
    """
    x, y = logit(probability), np.asarray(label, dtype=np.float64)
    if kind == "platt":
        intercept, slope = rising_line(x, y, np.ones_like(y))
        return Calibrator(kind, (0.0, 1.0), (intercept, intercept + slope))
    from sklearn.isotonic import IsotonicRegression

    steps = IsotonicRegression(out_of_bounds="clip").fit(x, y)
    knots = tuple(float(v) for v in steps.X_thresholds_)
    # The ends of the curve rest on few rows: no more certainty than one in a hundred.
    values = np.clip(steps.y_thresholds_, 0.01, 0.99)
    return Calibrator(kind, knots, tuple(float(v) for v in logit(values)))


def fit_stack(
    oof: pd.DataFrame,
    sample_weight: ArrayLike | None = None,
    *,
    learners: tuple[str, ...],
    kind: MetaKind,
    calibration: CalibrationKind,
    calibration_frac: float,
    seed: int,
) -> Stack:
    """Fit the meta-learner on the older out-of-fold rows and calibrate it on the newest.

    ``oof`` is wide: the columns ``KEYS`` and one probability a learner. The last
    ``calibration_frac`` of its sessions calibrate; rows whose label span reaches into them do
    not train. Raises ValueError where either side is left without both labels.
    """
    w = _weights(oof, sample_weight)
    oof, w = _in_order(oof, w)
    sessions = np.unique(oof["session"].to_numpy())
    n_calibration = max(1, round(calibration_frac * sessions.size))
    first = sessions[-n_calibration]
    trains = oof["end_session"].to_numpy() < first
    newest = oof["session"].to_numpy() >= first
    label = oof["label"].to_numpy()
    meta = fit_meta(oof[trains], label[trains], w[trains], learners=learners, kind=kind, seed=seed)
    raw = meta.predict(oof[newest], oof.loc[newest, "regime"].to_numpy())
    return Stack(meta, fit_calibrator(raw, label[newest], calibration))


def stack_oof(
    oof: pd.DataFrame,
    sample_weight: ArrayLike | None = None,
    *,
    learners: tuple[str, ...],
    kind: MetaKind,
    seed: int,
) -> pd.DataFrame:
    """The stack's own out-of-fold rows, walk-forward: ensemble.oof with learner ``stack``.

    Block b is predicted by a meta-learner fitted on earlier blocks only, without the rows whose
    label span reaches into b; so the first block of ``oof`` has none. The probabilities are not
    calibrated. ``oof`` as in ``fit_stack``.
    """
    oof, w = _in_order(oof, _weights(oof, sample_weight))
    parts = [_long(oof.iloc[:0], STACK, np.empty(0))]
    block, label = oof["block"].to_numpy(), oof["label"].to_numpy()
    for number in np.unique(block)[1:]:
        tested = block == number
        opens = oof.loc[tested, "session"].min()
        trains = (block < number) & (oof["end_session"].to_numpy() < opens)
        meta = fit_meta(
            oof[trains], label[trains], w[trains], learners=learners, kind=kind, seed=seed
        )
        rows = oof[tested]
        parts.append(_long(rows, STACK, meta.predict(rows, rows["regime"].to_numpy())))
    return pd.concat(parts, ignore_index=True)


def wide_oof(oof: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """One row a decision: ensemble.oof turned wide, with what ``rows`` knows of it.

    ``rows`` has symbol, session, end_session and regime (missing regimes stay missing and set
    no flag). Decisions that a learner did not predict are left out.
    """
    keys = ["symbol", "session_date", "session", "block", "label"]
    base = oof[oof["learner"] != STACK]
    wide = base.pivot(index=keys, columns="learner", values="oof_probability").dropna()
    wide = wide.reset_index().rename_axis(columns=None)
    known = rows[["symbol", "session", "end_session", "regime"]]
    return wide.merge(known, on=["symbol", "session"], how="inner", validate="one_to_one")


def rising_line(x: Floats, y: Floats, weight: Floats) -> tuple[float, float]:
    """Intercept and slope of the logistic line, the slope at least ``MIN_SLOPE``.

    Where the line cannot be told (constant score), the base rate and the least slope.
    """
    intercept, slope = logistic_line(x, y, weight)
    if not slope >= MIN_SLOPE:
        slope = MIN_SLOPE
        share = float((weight * y).sum() / weight.sum())
        intercept = float(logit(share)) - slope * float((weight * x).sum() / weight.sum())
    return intercept, slope


def _inputs(log_odds: Floats, regime: ArrayLike) -> Floats:
    """Mean log odds, distances to it, regime flags in the fixed order: (n, 1 + learners + 5)."""
    mean = log_odds.mean(axis=1, keepdims=True)
    flags = np.asarray(regime, dtype=object)[:, None] == np.asarray(REGIMES, dtype=object)
    return np.hstack([mean, log_odds - mean, flags.astype(np.float64)])


def _weights(oof: pd.DataFrame, sample_weight: ArrayLike | None) -> Floats:
    if sample_weight is None:
        return np.ones(len(oof))
    return np.asarray(sample_weight, dtype=np.float64)


def _in_order(oof: pd.DataFrame, weight: Floats) -> tuple[pd.DataFrame, Floats]:
    order: NDArray[np.intp] = np.lexsort((oof["symbol"].to_numpy(str), oof["session"].to_numpy()))
    return oof.iloc[order].reset_index(drop=True), weight[order]


def _long(rows: pd.DataFrame, learner: str, probability: Floats) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "symbol": rows["symbol"].to_numpy(object),
            "session_date": rows["session_date"].to_numpy(),
            "session": rows["session"].to_numpy(np.int64),
            "block": rows["block"].to_numpy(np.int64),
            "learner": learner,
            "oof_probability": probability,
            "label": rows["label"].to_numpy(np.int64),
        }
    )


def _one_thread() -> Any:
    """Threads of the linear algebra change the last bits of a sum: here there is one."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1)
