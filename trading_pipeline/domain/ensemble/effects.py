"""What each part of the training is worth: paired, out of fold, by regime, hold-out closed."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from trading_pipeline.contracts.config import GateConfig, PipelineConfig, SwitchName
from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.domain.ensemble.metrics import auc
from trading_pipeline.domain.ensemble.scores import ALL_REGIMES, SessionBootstrap

# Section and field of each switch.
SWITCHES: Mapping[SwitchName, tuple[str, str]] = {
    "archive": ("sampling", "use_archive"),
    "balance": ("sampling", "balance"),
    "weights": ("sampling", "use_weights"),
    "uniqueness": ("sampling", "use_uniqueness"),
    "replay": ("sampling", "use_replay"),
    "session_ranks": ("features", "rank_within_session"),
    "search": ("sweeps", "use_search"),
    "stack": ("ensemble", "use_stack"),
}
# The whole system as the run has it, against plain LightGBM.
EVERYTHING = "everything"
KEYS = ["session", "symbol"]
HELPS, HURTS, UNCLEAR, NOT_ASSESSABLE = "helps", "hurts", "unclear", "not assessable"


def is_on(config: PipelineConfig, switch: SwitchName) -> bool:
    """Tell whether the settings have a part switched on."""
    section, field = SWITCHES[switch]
    return bool(getattr(getattr(config, section), field))


def turned_over(config: PipelineConfig, switch: SwitchName) -> PipelineConfig:
    """Return the settings with one switch the other way and all else as it was."""
    section, field = SWITCHES[switch]
    changed = getattr(config, section).model_copy(update={field: not is_on(config, switch)})
    return config.model_copy(update={section: changed})


def default_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Return each sweep's first trial: the learner's default parameters (sweeps.trials)."""
    first: pd.DataFrame = trials[trials["trial"] == 0]
    return first


def effect_by_regime(
    on: pd.DataFrame, off: pd.DataFrame, horizon: int, gate: GateConfig
) -> pd.DataFrame:
    """Return AUC on, off and their difference with its interval, of all rows and by regime.

    `on` and `off` hold symbol, session, label, oof_probability and regime of the same decisions;
    `horizon` in sessions. Gives the columns of ensemble.effects from `regime` to `finding`; every
    line is scored on the same resamples of whole blocks of sessions, and a score that is not
    defined is NaN. Raises ValueError where the sides do not hold the same decisions.
    """
    both = on.merge(
        off[[*KEYS, "oof_probability"]], on=KEYS, suffixes=("", "_off"), validate="one_to_one"
    ).sort_values(KEYS, ignore_index=True)
    if len(both) < max(len(on), len(off)):
        raise ValueError("the two sides do not hold the same decisions")
    bootstrap = SessionBootstrap.build(
        both["session"].to_numpy(),
        horizon,
        n_samples=gate.bootstrap_samples,
        interval_sd=gate.interval_sd,
        seed=gate.seed,
    )
    lines = []
    for regime in (ALL_REGIMES, *REGIMES):
        rows = both if regime == ALL_REGIMES else both[both["regime"] == regime]
        if rows.empty:
            continue
        session, label = rows["session"].to_numpy(), rows["label"].to_numpy()
        ours, theirs = (rows[c].to_numpy() for c in ("oof_probability", "oof_probability_off"))
        samples = bootstrap.auc_samples(ours, label, session)
        samples = samples - bootstrap.auc_samples(theirs, label, session)
        auc_on, auc_off = auc(ours, label), auc(theirs, label)
        found = bootstrap.around(auc_on - auc_off, samples)
        n_sessions = int(np.unique(session).size)
        is_assessable = n_sessions / horizon >= gate.min_horizons
        lines.append(
            {
                "regime": regime,
                "n_rows": len(rows),
                "n_sessions": n_sessions,
                "n_horizons": n_sessions / horizon,
                "is_assessable": is_assessable,
                "auc_on": auc_on,
                "auc_off": auc_off,
                "difference": found.value,
                "difference_low": found.low,
                "difference_high": found.high,
                "finding": finding(found.low, found.high, is_assessable=is_assessable),
            }
        )
    return pd.DataFrame(lines)


def finding(low: float, high: float, *, is_assessable: bool) -> str:
    """Return what an interval of a difference says: helps, hurts, unclear, not assessable."""
    if not is_assessable or not np.isfinite([low, high]).all():
        return NOT_ASSESSABLE
    if low > 0:
        return HELPS
    return HURTS if high < 0 else UNCLEAR
