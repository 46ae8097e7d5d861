"""What the tables of a hold-out say about a challenger, gathered as evidence for the gate."""

from dataclasses import dataclass

import pandas as pd

from trading_pipeline.contracts.config import GateConfig
from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.domain.ensemble.baselines import VOLATILITY_ONLY
from trading_pipeline.domain.ensemble.scores import paired_difference
from trading_pipeline.domain.ensemble.stack import STACK
from trading_pipeline.domain.gate.evidence import Estimate, GateEvidence, RegimeScore

# The learner of ensemble.holdout that stands for the model in service.
CHAMPION = "champion"


@dataclass(frozen=True, slots=True)
class Challenger:
    """Who is judged, how often the hold-out was read, and what the model costs to serve."""

    model_version: str
    recipe_id: str
    protocol_id: str
    holdout_reads: int
    latency_ms: float
    model_mb: float
    no_champion: str = "no champion in service"


def gathered_evidence(
    challenger: Challenger,
    scores: pd.DataFrame,
    holdout: pd.DataFrame,
    figures: pd.DataFrame,
    horizon: int,
    config: GateConfig,
) -> GateEvidence:
    """Return what is known about a challenger.

    `scores` is ensemble.scores, `holdout` ensemble.holdout, `figures` backtest.summary and
    `horizon` the label's length in sessions.
    """
    own = scores[scores["learner"] == STACK].set_index("regime")
    whole = own.loc[["all"]].iloc[0]
    by_metric = figures.set_index("metric")
    span = f"{holdout['session_date'].min():%Y-%m-%d} to {holdout['session_date'].max():%Y-%m-%d}"
    on = f"n {int(whole['n_rows']):,} rows, {int(whole['n_sessions'])} sessions, {span}"
    sharpe = by_metric.loc[["sharpe_net"]].iloc[0]

    def difference(other: str) -> Estimate | None:
        if other not in set(holdout["learner"]):
            return None
        found = paired_difference(holdout, STACK, other, horizon, config)
        detail = f"paired with {other}, n {found.n_rows:,} rows, {found.n_sessions} sessions"
        return Estimate(found.interval.value, found.interval.low, found.interval.high, detail)

    return GateEvidence(
        model_version=challenger.model_version,
        recipe_id=challenger.recipe_id,
        protocol_id=challenger.protocol_id,
        has_champion=CHAMPION in set(holdout["learner"]),
        holdout_reads=challenger.holdout_reads,
        auc=_estimate(whole, "auc", "auc_low", "auc_high", on),
        sharpe_net=_estimate(sharpe, "value", "low", "high", str(sharpe["note"])),
        dsr=float(by_metric["value"]["dsr"]),
        champion_difference=difference(CHAMPION),
        volatility_difference=difference(VOLATILITY_ONLY),
        regimes={
            regime: RegimeScore(float(own["auc"][regime]), float(own["n_horizons"][regime]))
            for regime in REGIMES
            if regime in own.index
        },
        ece=float(whole["ece"]),
        calibration_slope=float(whole["calibration_slope"]),
        latency_ms=challenger.latency_ms,
        model_mb=challenger.model_mb,
        no_champion=challenger.no_champion,
    )


def _estimate(row: pd.Series, value: str, low: str, high: str, detail: str) -> Estimate:
    return Estimate(float(row[value]), float(row[low]), float(row[high]), detail)
