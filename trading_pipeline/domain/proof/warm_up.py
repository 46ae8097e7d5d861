"""Is a feature missing through its warm-up, and settled after it?"""

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars.sessions import DECISION_TIME, at_new_york, session_dates
from trading_pipeline.domain.features.registry import Feature
from trading_pipeline.domain.proof.finding import Finding
from trading_pipeline.domain.proof.future import Study

# A value has settled where it is this close, in spreads of the feature, to that of all history.
SETTLED = 0.02
# What another symbol's warm-up moves by a whole place cannot be judged by a distance.
UNJUDGED_FAMILIES = ("rank", "calendar", "regime")


def warm_up_findings(
    study: Study, registry: tuple[Feature, ...], symbol: str, first_session: int
) -> list[Finding]:
    """Return the features that say something before their warm-up, or something wrong after it.

    The market is cut before `first_session`; `symbol` has a bar in every session. What it says
    then must be missing for `lookback_sessions` - 1 bars, and after them what all history says.
    """
    late = {name: _from(frame, first_session) for name, frame in study.frames.items()}
    short = _of_symbol(study.build(late, None), symbol, first_session)
    whole = _of_symbol(study.build(study.frames, None), symbol, first_session)
    findings = []
    for feature in registry:
        values, settled = (t[feature.name].to_numpy("float64") for t in (short, whole))
        needed = min(feature.lookback_sessions - 1, len(values))
        early = np.flatnonzero(~np.isnan(values[:needed]))
        if early.size:
            day = pd.Timestamp(short["session_date"].iloc[early[0]])
            findings.append(
                Finding(
                    subject=feature.name,
                    test="warm-up",
                    how=f"`{feature.name}` has a value for {symbol} on its bar {early[0] + 1}, "
                    f"{day:%Y-%m-%d}, but says that it needs {feature.lookback_sessions}",
                    first_date=day,
                )
            )
            continue
        if feature.family in UNJUDGED_FAMILIES:
            continue
        findings += _unsettled(feature, symbol, short["session_date"], values, settled)
    return findings


def _unsettled(
    feature: Feature,
    symbol: str,
    dates: "pd.Series[pd.Timestamp]",
    values: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    settled: "np.ndarray[tuple[int], np.dtype[np.float64]]",
) -> list[Finding]:
    needed = min(feature.lookback_sessions - 1, len(values))
    gap = np.abs(values - settled)[needed:]
    with np.errstate(invalid="ignore"):
        spread = float(np.nanstd(settled)) if (~np.isnan(settled)).any() else 0.0
        far = np.flatnonzero(gap > SETTLED * spread + 1e-12)
    if not far.size:
        return []
    at = needed + int(far[0])
    day = pd.Timestamp(dates.iloc[at])
    share = gap[far[0]] / spread if spread > 0 else float("inf")
    return [
        Finding(
            subject=feature.name,
            test="warm-up",
            how=f"`{feature.name}` is not settled for {symbol} on {day:%Y-%m-%d}, bar {at + 1}: "
            f"it is {share:.0%} of its spread off what all history says, yet says that "
            f"{feature.lookback_sessions} bars are enough",
            first_date=day,
        )
    ]


def _from(frame: pd.DataFrame, first_session: int) -> pd.DataFrame:
    """Return what is about a session or a later day; a schedule needs no warm-up."""
    first = session_dates(np.array([first_session]))[0]
    if "scheduled_at" in frame:
        return frame
    for column in ("session_date", "observed_date"):
        if column in frame:
            return frame[(frame[column] >= first).to_numpy()]
    if "known_at" not in frame:
        return frame
    eve = pd.DatetimeIndex(session_dates(np.array([first_session - 1])))
    return frame[(frame["known_at"] > at_new_york(eve, DECISION_TIME)[0]).to_numpy()]


def _of_symbol(frame: pd.DataFrame, symbol: str, first_session: int) -> pd.DataFrame:
    chosen = frame[(frame["symbol"] == symbol) & (frame["session"] >= first_session)]
    return chosen.sort_values("session", ignore_index=True)
