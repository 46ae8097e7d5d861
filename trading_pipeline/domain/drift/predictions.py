"""How the live scores of the model in service are spread, and how good those resolved were.

The spread is compared with the scores over the hold-out: like the live ones, they are of rows
that nothing was fitted on. Scores over the training rows would be too sure of themselves.
A label is relative to its session's median, so the log odds are taken relative to theirs: the
level of a whole session moves with the market, tells nothing, and would hide the rest.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from trading_pipeline.contracts.config import DriftConfig, OutcomesConfig
from trading_pipeline.domain.drift.psi import (
    Counts,
    Floats,
    bin_values,
    cut_edges,
    population_stability_index,
)
from trading_pipeline.domain.drift.score import (
    count_bins,
    count_running,
    ordinary_psi,
    session_rows,
    window_sums,
)
from trading_pipeline.domain.ensemble.metrics import logit
from trading_pipeline.domain.ensemble.scores import SessionBootstrap, auc_interval

CHANCE = 0.5
OUTCOME_COLUMNS = ("n_resolved", "n_horizons", "auc", "auc_low", "auc_high", "hit_rate")
PREDICTION_COLUMNS = (
    "model_version",
    "session_date",
    "session",
    "n_rows",
    "psi",
    "threshold",
    "is_spread",
    "n_spread",
    *OUTCOME_COLUMNS,
    "is_worse",
    "n_worse",
)


def score_predictions(
    reference: pd.DataFrame,
    live: pd.DataFrame,
    resolved: pd.DataFrame,
    config: DriftConfig,
    outcomes: OutcomesConfig,
    model_version: str,
) -> pd.DataFrame:
    """Return drift.predictions: one row per session that the model spoke about.

    The PSI is that of the log odds, less their median in the session, of the last
    `window_sessions` sessions; its limit the `share_quantile` of windows inside the hold-out. The
    AUC is that of the outcomes resolved by
    the session's close, of at most `outcome_horizons` horizons of sessions; it is worse than
    chance where the upper end of its interval lies below one half. Missing, and never beyond,
    where there are fewer sessions than a window, or fewer horizons than `min_horizons`.

    Args:
        reference: session and probability over the hold-out, possibly none.
        live: session_date, session and probability said by the model, in any order.
        resolved: session, end_session, horizon_sessions, probability, label and hit_excess of
            those whose span has closed.
        config: Window, limits and bootstrap.
        outcomes: When outcomes are assessable, and the bootstrap of their interval.
        model_version: The model in service.
    """
    if live.empty:
        return no_predictions_drift()
    sessions, dates, row = session_rows(live)
    n_rows = np.bincount(row, minlength=sessions.size)
    psi, threshold = _spread(reference, live, config)
    is_spread = (psi > config.psi_drifted) & (psi > threshold)
    known = resolved.dropna(subset=["label", "hit_excess"])
    judged = pd.DataFrame(
        list(_judged(known, sessions, config, outcomes)), columns=list(OUTCOME_COLUMNS)
    )
    is_worse = (judged["auc_high"] < CHANCE).to_numpy()
    return pd.DataFrame(
        {
            "model_version": pd.Series([model_version] * sessions.size, dtype=object),
            "session_date": dates,
            "session": sessions,
            "n_rows": n_rows,
            "psi": psi,
            "threshold": threshold,
            "is_spread": is_spread,
            "n_spread": count_running(is_spread),
            **{name: judged[name] for name in OUTCOME_COLUMNS},
            "is_worse": is_worse,
            "n_worse": count_running(is_worse),
        }
    )


def no_predictions_drift() -> pd.DataFrame:
    """Return rows of drift.predictions where nothing was said."""
    kinds: dict[str, str] = {"model_version": "object", "session_date": "datetime64[ns]"}
    kinds |= dict.fromkeys(("session", "n_rows", "n_spread", "n_resolved", "n_worse"), "int64")
    kinds |= dict.fromkeys(("is_spread", "is_worse"), "bool")
    return pd.DataFrame(
        {name: pd.Series(dtype=kinds.get(name, "float64")) for name in PREDICTION_COLUMNS}
    )


def _spread(
    reference: pd.DataFrame, live: pd.DataFrame, config: DriftConfig
) -> tuple[Floats, float]:
    """Return the PSI of each session's window, shape (n_sessions,), and its limit."""
    sessions, _, live_row = session_rows(live)
    psi = np.full(sessions.size, np.nan)
    if reference.empty:
        return psi, float("nan")
    _, trained_row = np.unique(reference["session"].to_numpy("int64"), return_inverse=True)
    trained_values = _beside_median(reference)
    edges = cut_edges(np.sort(trained_values), config.n_bins)
    n_bins = 2 * config.n_bins
    trained = count_bins(trained_row, bin_values(trained_values, edges), n_bins)
    values = bin_values(_beside_median(live), edges)
    moved = window_sums(count_bins(live_row, values, n_bins), config.window_sessions)
    psi[sessions.size - len(moved) :] = population_stability_index(trained.sum(axis=0), moved)
    ordinary = ordinary_psi(trained[:, None, :], config)
    limit = float(np.quantile(ordinary, config.share_quantile)) if len(ordinary) else float("nan")
    return psi, limit


def _beside_median(said: pd.DataFrame) -> Floats:
    """Return the log odds of each row less their median in its session."""
    odds = pd.Series(logit(said["probability"].to_numpy("float64")))
    median = odds.groupby(said["session"].to_numpy()).transform("median")
    return (odds - median).to_numpy("float64")


def _judged(
    known: pd.DataFrame,
    sessions: Counts,
    config: DriftConfig,
    outcomes: OutcomesConfig,
) -> Iterator[tuple[float, ...]]:
    """Give the outcome columns of each session, from what was resolved by then."""
    horizon = int(known["horizon_sessions"].max()) if len(known) else 1
    ordered = known.sort_values(["session", "probability"], kind="stable")
    session = ordered["session"].to_numpy("int64")
    end = ordered["end_session"].to_numpy("int64")
    p = ordered["probability"].to_numpy("float64")
    label = ordered["label"].to_numpy("float64")
    hit = ordered["hit_excess"].to_numpy("float64")
    for now in sessions:
        closed = end <= now
        said = np.unique(session[closed])[-config.outcome_horizons * horizon :]
        n_horizons = said.size / horizon
        rows = closed & (session >= said[0]) if said.size else closed
        if n_horizons < outcomes.min_horizons or np.unique(label[rows]).size < 2:
            yield int(rows.sum()), n_horizons, *([float("nan")] * 4)
            continue
        bootstrap = SessionBootstrap.build(
            session[rows],
            horizon,
            n_samples=outcomes.bootstrap_samples,
            interval_sd=outcomes.interval_sd,
            seed=outcomes.seed,
        )
        found = auc_interval(p[rows], label[rows], session[rows], bootstrap)
        hit_rate = float(hit[rows].mean())
        yield int(rows.sum()), n_horizons, found.value, found.low, found.high, hit_rate
