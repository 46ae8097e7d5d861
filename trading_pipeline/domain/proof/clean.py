"""The program's own features and training path, put to every trial: nothing may be found."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from trading_pipeline.contracts.data_config import IntradayFeaturesConfig
from trading_pipeline.domain.features.registry import Feature
from trading_pipeline.domain.proof.daily import daily_study, raw_study
from trading_pipeline.domain.proof.finding import Finding
from trading_pipeline.domain.proof.future import (
    Frames,
    Progress,
    Study,
    future_findings,
    replay_findings,
)
from trading_pipeline.domain.proof.intraday import INTRADAY_BARS, intraday_study
from trading_pipeline.domain.proof.levels import level_findings
from trading_pipeline.domain.proof.market import PAUSE, ProofMarket
from trading_pipeline.domain.proof.warm_up import warm_up_findings

# A feature that needs more bars is judged on what it says without its warm-up: the mask that
# hides its first values hides no reading of the future.
MOST_LOOKBACK = 200
WARM_UP_FROM = 30
N_REPLAYED = 6
RAW_EVERY = 3


@dataclass(frozen=True)
class FeatureTrials:
    """Every trial of a set of daily features on the made market.

    `dense_step` is the distance of the sessions after which the future is garbled; 1 makes each
    session the last one known of some cut. `tolerance` forgives rounding, in spreads of a column.
    """

    market: ProofMarket
    frames: Frames
    registry: tuple[Feature, ...]
    dense_step: int = 1
    tolerance: float = 0.0

    @property
    def n_steps(self) -> int:
        """Return how often `on_step` will be told."""
        moments = self.market.moments()
        raw = 2 + 2 * len(moments[::RAW_EVERY])
        return 2 + 2 * len(moments) + len(self._dense()) + raw + N_REPLAYED + 2

    def findings(self, on_step: Progress = lambda: None) -> list[Finding]:
        """Return what the trials show, each feature at most once a trial."""
        market, moments = self.market, self.market.moments()
        shown = self._unmasked()
        study = daily_study(self.frames, shown, market.decisions, self.tolerance)
        found = future_findings(study, moments, self._dense(), on_step=on_step)
        raw = replace(raw_study(market, shown), tolerance=self.tolerance)
        found += future_findings(raw, moments[::RAW_EVERY], on_step=on_step)
        newest = market.decisions[-N_REPLAYED:]
        found += replay_findings(study, newest, on_step=on_step)
        symbol, first = _whole_symbol(self.frames["bars"]), market.sessions["session"]
        found += level_findings(study, symbol, int(first.iloc[PAUSE[0]]))
        on_step()
        plain = daily_study(self.frames, self.registry, market.decisions, self.tolerance)
        found += warm_up_findings(plain, self.registry, symbol, int(first.iloc[WARM_UP_FROM]))
        on_step()
        return first_of_each(found)

    def not_assessable(self) -> list[str]:
        """Return the features without one value on this market: nothing is known of them."""
        study = daily_study(self.frames, self._unmasked(), self.market.decisions)
        return never_present(study)

    def _unmasked(self) -> tuple[Feature, ...]:
        return tuple(
            replace(f, lookback_sessions=min(f.lookback_sessions, MOST_LOOKBACK))
            for f in self.registry
        )

    def _dense(self) -> pd.DatetimeIndex:
        return self.market.decisions[1 : -1 : self.dense_step]


def intraday_findings(
    market: ProofMarket,
    config: IntradayFeaturesConfig,
    every: int = 1,
    on_step: Progress = lambda: None,
) -> list[Finding]:
    """Return what truncation and garble at closes of five-minute bars show of intraday features."""
    study = intraday_study(market, config)
    judged = study.instants[-INTRADAY_BARS:-1]
    return future_findings(study, judged[::40], judged[::every], on_step=on_step)


def never_present(study: Study) -> list[str]:
    """Return the columns without one value, of which the trials of a study can tell nothing."""
    table = study.whole()
    absent = np.flatnonzero(np.isnan(table.values).all(axis=0))
    return [table.names[column] for column in absent.tolist()]


def first_of_each(findings: Sequence[Finding]) -> list[Finding]:
    """Return the first finding of each subject."""
    kept: dict[str, Finding] = {}
    for finding in findings:
        kept.setdefault(finding.subject, finding)
    return list(kept.values())


def _whole_symbol(bars: pd.DataFrame) -> str:
    """Return the first symbol with a bar in every session and none withheld."""
    late = bars.loc[bars["known_at"].dt.normalize() > bars["session_date"].dt.tz_localize("UTC")]
    counts = bars.groupby("symbol").size()
    whole = set(counts.index[counts == counts.max()]) - set(late["symbol"])
    return str(min(whole))
