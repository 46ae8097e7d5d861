"""Whether the model of falls has an edge over taking every fall, as a plain sentence."""

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from trading_pipeline.contracts.selloffs_config import SelloffsConfig
from trading_pipeline.domain.selloffs.backtest import HOLDOUT, MODEL, TAKE_ALL

State = Literal["edge", "no_edge", "not_assessable"]


@dataclass(frozen=True, slots=True)
class EdgeVerdict:
    """What was found, and the sentences that say so with n and period."""

    state: State
    words: str


def edge_verdict(
    backtest: pd.DataFrame, equity: pd.DataFrame, n_study: int, config: SelloffsConfig
) -> EdgeVerdict:
    """Judge the hold-out rows of selloffs.backtest; selloffs.equity tells the period.

    `n_study` counts the closed falls of training span and hold-out together, over all rungs; only
    the first of a symbol and session is traded. A tradable edge needs all of: enough falls and
    sessions; the selected third above taking all by `min_gain_r` and by `min_gain_frac` of it,
    with the difference's interval above zero; and an expectancy of its own above zero, interval
    and all. Anything else is said as it is.
    """
    held = equity[(equity["span"] == HOLDOUT) & (equity["scanner"] == TAKE_ALL)]
    judged = backtest[backtest["span"] == HOLDOUT]
    whole = judged[judged["slice_kind"] == "all"]
    rows = {str(row["scanner"]): row for row in whole.to_dict("records")}
    every = (judged["slice_kind"] == "rung") & (judged["scanner"] == TAKE_ALL)
    n_falls = int(judged.loc[every, "n_events"].sum())
    if held.empty or MODEL not in rows:
        return EdgeVerdict(
            "not_assessable", "Not assessable: no fall of a hold-out was scored by a model."
        )
    model, everything = rows[MODEL], rows[TAKE_ALL]
    wanted, n_sessions = config.model, len(held)
    period = f"{held['session_date'].min():%Y-%m-%d} to {held['session_date'].max():%Y-%m-%d}"
    basis = (
        f"{n_falls:,} falls of {n_study:,}, {everything['n_events']:,} of them tradable,"
        f" in {n_sessions:,} sessions, {period}"
    )
    figures = (
        f"The model's selection earned {_interval(model, 'expectancy', 'expectancy_r')} a trade"
        f" after costs in {model['n_trades']:,} trades, taking all"
        f" {_interval(everything, 'expectancy', 'expectancy_r')} in {everything['n_trades']:,};"
        f" difference {_interval(model, 'difference', 'difference_r')}"
    )
    lacking = _lacking(model, everything, n_study, n_sessions, config)
    if lacking:
        return EdgeVerdict(
            "not_assessable", f"Not assessable: {lacking} (hold-out: {basis}). {figures}."
        )
    gain, base = float(model["difference_r"]), float(everything["expectancy_r"])
    needed = max(wanted.min_gain_r, wanted.min_gain_frac * abs(base))
    failed = []
    if not gain >= needed:
        failed.append(f"a gain of {_r(needed)} was required")
    if not float(model["difference_low"]) > 0:
        failed.append("the difference's interval does not lie above zero")
    if not float(model["expectancy_r"]) > 0:
        failed.append("what it selects loses money")
    elif not float(model["expectancy_low"]) > 0:
        failed.append("the interval of what it earns does not lie above zero")
    if failed:
        return EdgeVerdict(
            "no_edge", f"No tradable edge found: {' and '.join(failed)}. {figures} ({basis})."
        )
    return EdgeVerdict("edge", f"A tradable edge was found on paper. {figures} ({basis}).")


def _lacking(
    model: dict[Any, Any],
    everything: dict[Any, Any],
    n_study: int,
    n_sessions: int,
    config: SelloffsConfig,
) -> str:
    """Say what there is too little of; empty where there is enough."""
    wanted = config.model
    counts = (
        (n_study, wanted.min_events, "falls in all"),
        (n_sessions, wanted.min_sessions, "sessions held out"),
        (int(model["n_trades"]), config.backtest.min_trades, "trades of the model"),
    )
    short = [f"{n:,} of {least:,} {what}" for n, least, what in counts if n < least]
    if not short and not (model["is_assessable"] and everything["is_assessable"]):
        return "too few sessions for an interval"
    return ", ".join(short)


def _interval(row: dict[Any, Any], name: str, value: str) -> str:
    if pd.isna(row[value]):
        return "nothing that can be told"
    if pd.isna(row[f"{name}_low"]):
        return f"{_r(row[value])} (no interval)"
    return f"{_r(row[value])} [{row[f'{name}_low']:+.3f}, {row[f'{name}_high']:+.3f}]"


def _r(value: float) -> str:
    return f"{value:+.3f} R"
