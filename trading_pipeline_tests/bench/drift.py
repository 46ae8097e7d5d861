"""`python -m trading_pipeline_tests.bench.drift`: false alarms and delay of the drift rule.

Markets without drift are made from seeds: returns with one common factor and persistent
volatility; in a market with cycles, crash spells come and go by chance in training and live alike.
Features are made of them as the pipeline makes its own, a fixed model scores them, and both go
through the drift functions themselves with the shipped settings. Then a shift is planted from one
live session on. Age asks for a retrain by itself and is left out.
"""

import argparse
from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from scipy.signal import lfilter

from trading_pipeline.domain.drift.episodes import (
    EPISODE_COLUMNS,
    FEATURES,
    OUTCOMES,
    SCORES,
    find_episodes,
)
from trading_pipeline.domain.drift.predictions import score_predictions
from trading_pipeline.domain.drift.score import score_drift
from trading_pipeline.settings import load_settings

N_SYMBOLS = 30
WARM_UP = 260
TRAINED, HOLDOUT, YEAR = 1260, 504, 252
HORIZON = 20
# Log odds of the made scores per sd of what they rest on, and of the labels per log odds said.
SCORE_SIZE, HONESTY = 0.15, 1.0
LIVE_YEARS = 2
BEFORE_SHIFT, AFTER_SHIFT = 20, 60
CRASH_BEGINS, CRASH_ENDS, CRASH_VOLATILITY = 1 / 400, 1 / 30, 3.0
MODEL = "made"
REASONS = (FEATURES, SCORES, OUTCOMES)


@dataclass(frozen=True)
class Shift:
    """What changes from one session on: `sd` of some features' means, or all returns' size.

    `scores` multiplies the log odds of the model alone; `honesty` says how much of them the labels
    follow.
    """

    name: str
    sd: float = 0.0
    share: float = 0.0
    volatility: float = 1.0
    scores: float = 1.0
    honesty: float = HONESTY
    watched: int = AFTER_SHIFT


NOTHING = Shift("nothing")
SHIFTS = (
    Shift("mean by 0.5 sd in a third", sd=0.5, share=1 / 3),
    Shift("mean by 1 sd in a third", sd=1.0, share=1 / 3),
    Shift("mean by 2 sd in a third", sd=2.0, share=1 / 3),
    Shift("mean by 0.5 sd in all", sd=0.5, share=1.0),
    Shift("mean by 1 sd in all", sd=1.0, share=1.0),
    Shift("mean by 2 sd in all", sd=2.0, share=1.0),
    Shift("volatility x 1.5", volatility=1.5),
    Shift("volatility x 2.5", volatility=2.5),
    Shift("scores x 2", scores=2.0),
    Shift("scores x 3", scores=3.0),
    Shift("AUC 0.535 turns to 0.465", honesty=-HONESTY, watched=400),
)


def returns_of(seed, n_sessions, has_cycles):
    """Return (market (n,), symbols (n, N_SYMBOLS)) log returns of one stationary market."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=n_sessions) * 0.25 * np.sqrt(1 - 0.97**2)
    log_volatility = lfilter([1], [1, -0.97], noise)
    crash = np.zeros(n_sessions)
    if has_cycles:
        inside = False
        for at, chance in enumerate(random.uniform(size=n_sessions)):
            inside = chance >= CRASH_ENDS if inside else chance < CRASH_BEGINS
            crash[at] = inside
    volatility = np.exp(log_volatility) * np.where(crash > 0, CRASH_VOLATILITY, 1.0)
    market = 0.01 * volatility * random.normal(size=n_sessions) - 0.01 * crash
    beta = random.uniform(0.5, 1.5, N_SYMBOLS)
    own = 0.015 * np.sqrt(volatility)[:, None] * random.normal(size=(n_sessions, N_SYMBOLS))
    return market, beta * market[:, None] + own


def features_of(market, symbols):
    """Return features by name, each (n, N_SYMBOLS): of a symbol, of the market, and ranks."""
    n_symbols = symbols.shape[1]
    wide = np.repeat(market[:, None], n_symbols, axis=1)
    made = {}
    for name, returns in (("own", symbols), ("market", wide), ("excess", symbols - wide)):
        frame = pd.DataFrame(returns)
        for window in (1, 5, 20, 60):
            made[f"{name}_return_{window}"] = frame.rolling(window).sum().to_numpy()
        for window in (10, 20, 60):
            made[f"{name}_volatility_{window}"] = frame.rolling(window).std().to_numpy()
        made[f"{name}_fall_250"] = (frame.cumsum() - frame.cumsum().rolling(250).max()).to_numpy()
        made[f"{name}_standard_20"] = (frame / frame.rolling(20).std()).to_numpy()
    for name in [n for n in made if not n.startswith("market")][:10]:
        made[f"rank_{name}"] = made[name].argsort(axis=1).argsort(axis=1) / (n_symbols - 1.0)
    return {name: values[WARM_UP:] for name, values in made.items()}


def panel_of(made):
    """Return the rows of features.daily."""
    n_sessions, n_symbols = next(iter(made.values())).shape
    dates = pd.bdate_range("2010-01-04", periods=n_sessions).astype("datetime64[ns]")
    return pd.DataFrame(
        {
            "symbol": np.tile([f"S{i:02d}" for i in range(n_symbols)], n_sessions),
            "session": np.repeat(np.arange(n_sessions), n_symbols),
            "session_date": np.repeat(dates, n_symbols),
            **{name: values.ravel() for name, values in made.items()},
        }
    )


def market_of(seed, n_live, has_cycles, shift=NOTHING):
    """Return the panel of one market, with a shift after its first live sessions if any."""
    at = TRAINED + BEFORE_SHIFT
    market, symbols = returns_of(seed, WARM_UP + TRAINED + n_live, has_cycles)
    market[WARM_UP + at :] *= shift.volatility
    symbols[WARM_UP + at :] *= shift.volatility
    made = features_of(market, symbols)
    names = sorted(made)
    random = np.random.default_rng(seed)
    for name in random.permutation(names)[: round(shift.share * len(names))]:
        made[name][at:] += shift.sd * made[name][:TRAINED].std()
    return panel_of(made)


def said_of(panel, seed, shift=NOTHING):
    """Return what a fixed model says of every row, and what followed: rows of a panel's order."""
    random = np.random.default_rng([seed, 1])
    names = features_in(panel)
    values = panel[names].to_numpy()
    trained = values[panel["session"] < TRAINED]
    weights = random.normal(size=len(names))
    signal = ((values - trained.mean(axis=0)) / trained.std(axis=0)).clip(-4, 4) @ weights
    signal /= signal[panel["session"] < TRAINED].std()
    is_shifted = panel["session"] >= TRAINED + BEFORE_SHIFT
    odds = SCORE_SIZE * signal * np.where(is_shifted, shift.scores, 1.0)
    true = odds * np.where(is_shifted, shift.honesty, HONESTY)
    # Labels are relative to the session's median: half of each session's are 1.
    chance = pd.Series(true + random.logistic(size=len(panel)), index=panel.index)
    label = (chance > chance.groupby(panel["session"]).transform("median")).astype(float)
    probability = 1 / (1 + np.exp(-odds))
    return panel[["session", "session_date"]].assign(
        probability=probability,
        end_session=panel["session"] + HORIZON,
        horizon_sessions=HORIZON,
        label=label,
        hit_excess=((probability > 0.5) == (label > 0)).astype(float),
    )


def features_in(panel):
    """Return the names of the features."""
    return sorted(set(panel.columns) - {"symbol", "session", "session_date"})


def drift_of(panel, said, settings):
    """Return (drift.sessions, drift.predictions) of the live part."""
    is_live = panel["session"] >= TRAINED
    holdout, live = said[said["session"].between(TRAINED - HOLDOUT, TRAINED - 1)], said[is_live]
    closed = live[live["end_session"] <= live["session"].max()]
    config, names = settings.drift, features_in(panel)
    return (
        score_drift(panel[~is_live], panel[is_live], names, config, MODEL)[1],
        score_predictions(holdout, live, closed, config, settings.outcomes, MODEL),
    )


def false_alarms(seeds, settings, has_cycles):
    """Return episodes a year of each market by reason, and the shares' limits."""
    ageless = settings.drift.model_copy(update={"max_age_sessions": 10**6})
    none = pd.DataFrame({name: [] for name in EPISODE_COLUMNS})
    rates, limits = [], []
    for seed in seeds:
        panel = market_of(seed, LIVE_YEARS * YEAR + ageless.window_sessions - 1, has_cycles)
        sessions, said = drift_of(panel, said_of(panel, seed), settings)
        reasons = find_episodes(none, sessions, said, ageless, MODEL)["reason"]
        rates.append({name: (reasons == name).sum() / LIVE_YEARS for name in REASONS})
        limits.append(sessions["share_threshold"].iloc[0])
    return pd.DataFrame(rates), np.array(limits)


def delays(seeds, settings, has_cycles, shift):
    """Return sessions from the shift to the fire of each market; NaN where it never came."""
    found = []
    for seed in seeds:
        panel = market_of(seed, BEFORE_SHIFT + shift.watched, has_cycles, shift)
        sessions, said = drift_of(panel, said_of(panel, seed, shift), settings)
        runs = np.column_stack([sessions["n_running"], said["n_spread"], said["n_worse"]])
        since = sessions["session"].to_numpy() - (TRAINED + BEFORE_SHIFT) + 1
        fired = since[(since > 0) & (runs.max(axis=1) >= settings.drift.confirm_sessions)]
        found.append(fired[0] if len(fired) else np.nan)
    return np.array(found, dtype=float)


def mean_interval(values, seed=7):
    """Return the mean and its 95 % interval by a bootstrap over markets."""
    draws = np.random.default_rng(seed).integers(len(values), size=(2000, len(values)))
    means = values[draws].mean(axis=1)
    return values.mean(), *np.quantile(means, [0.025, 0.975])


def main(arguments=None):
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markets", type=int, default=40, help="without a shift")
    parser.add_argument("--shifted-markets", type=int, default=10, help="for each shift")
    asked = parser.parse_args(arguments)
    settings = load_settings(environment={})
    console = Console(width=110, soft_wrap=True)
    alarms = Table(title="False alarms, no drift planted", title_justify="left", box=None)
    found = Table(title="Delay of a planted shift, in sessions", title_justify="left", box=None)
    for name in ("market", "reason", "episodes a year", "95 % interval", "share limit"):
        alarms.add_column(name)
    for name in ("market", "shift", "found", "within", "median delay", "longest"):
        found.add_column(name)
    for kind, has_cycles in (("steady", False), ("with crash cycles", True)):
        rates, limits = false_alarms(range(asked.markets), settings, has_cycles)
        between = f"{limits.min():.2f} to {limits.max():.2f}"
        for name, rate in {**rates, "all": rates.sum(axis=1)}.items():
            mean, low, high = mean_interval(rate.to_numpy())
            alarms.add_row(kind, name, f"{mean:.2f}", f"{low:.2f} to {high:.2f}", between)
        for shift in SHIFTS:
            delay = delays(range(asked.shifted_markets), settings, has_cycles, shift)
            known = delay[np.isfinite(delay)]
            words = [f"{np.median(known):.0f}", f"{known.max():.0f}"] if len(known) else ["–"] * 2
            share = f"{len(known)} of {len(delay)}"
            found.add_row(kind, shift.name, share, str(shift.watched), *words)
    console.print(f"{asked.markets} markets of {LIVE_YEARS} years, {N_SYMBOLS} symbols each")
    console.print(alarms)
    console.print(found)


if __name__ == "__main__":
    main()
