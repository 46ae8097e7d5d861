"""The dynamic archive: spells of stress rare enough to be proposed for the catalogue."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.data_config import MemoryConfig, RareEvent

STRESS: Final = ("crash", "high_volatility")
PROPOSAL_COLUMNS: Final = {
    "proposal": "object",
    "state": "object",
    "first_date": "datetime64[ns]",
    "last_date": "datetime64[ns]",
    "n_sessions": "int64",
    "regime": "object",
    "drawdown_frac": "float64",
    "vix_peak": "float64",
    "rarity_frac": "float64",
    "n_past_spells": "int64",
    "covered_by": "object",
    "known_at": "datetime64[ns, UTC]",
}


def propose_events(regimes: pd.DataFrame, memory: MemoryConfig) -> pd.DataFrame:
    """Return the columns of `memory.proposals`: rare spells of stress, with their evidence.

    A spell is a run of sessions whose regime is crash or high volatility; how bad it is, its
    deepest `drawdown_frac` and its highest VIX say. It is rare once at most `1 - quantile` of the
    spells that ended before it began were as bad in one of the two. Then a row `begun` states what
    was known that session, and, when the spell is over, a row `ended` states the whole. Both are
    decided by sessions up to their own: cutting the data later never changes them.

    Args:
        regimes: session_date, session, regime, drawdown_frac, vix_close, known_at of
            `regimes.market`; missing falls and VIX values are no evidence.
        memory: Catalogue, quantile and the least number of past spells.

    Returns:
        Oldest first. `covered_by` names the event of the catalogue that shares a session with the
        spell; a row without one is a proposal.
    """
    rows = regimes.sort_values("session", ignore_index=True)
    depth = -rows["drawdown_frac"].to_numpy(np.float64)
    height = rows["vix_close"].to_numpy(np.float64)
    past: list[tuple[float, float]] = []
    found: list[dict[str, Any]] = []
    for first, last in spells_of_stress(rows["regime"].to_numpy(object)):
        deepest, highest = (np.fmax.accumulate(v[first : last + 1]) for v in (depth, height))
        rarity = np.fmin(rarity_of(deepest, past, 0), rarity_of(highest, past, 1))
        is_rare = rarity <= 1 - memory.proposals.quantile + 1e-9
        if len(past) >= memory.proposals.min_past_spells and is_rare.any():
            ends = [("begun", first + int(np.argmax(is_rare)), 0)]
            if last + 1 < len(rows):
                ends.append(("ended", last, 1))
            for state, end, later in ends:
                place = end - first
                seen = rows.iloc[first : end + 1]
                found.append(
                    {
                        "proposal": f"stress_{rows['session_date'][first]:%Y_%m_%d}",
                        "state": state,
                        "first_date": rows["session_date"][first],
                        "last_date": rows["session_date"][end],
                        "n_sessions": place + 1,
                        "regime": "crash" if "crash" in set(seen["regime"]) else STRESS[1],
                        "drawdown_frac": -deepest[place],
                        "vix_peak": highest[place],
                        "rarity_frac": rarity[place],
                        "n_past_spells": len(past),
                        "covered_by": covering_event(seen["session_date"], memory.catalogue),
                        "known_at": rows["known_at"].iloc[first : end + 1 + later].max(),
                    }
                )
        past.append((float(deepest[-1]), float(highest[-1])))
    return pd.DataFrame(found, columns=list(PROPOSAL_COLUMNS)).astype(PROPOSAL_COLUMNS)


def spells_of_stress(regime: NDArray[np.object_]) -> Iterator[tuple[int, int]]:
    """Yield first and last place of each run of stressed sessions."""
    stressed = np.concatenate([[False], np.isin(regime.astype(str), STRESS), [False]])
    turns = np.flatnonzero(stressed[1:] != stressed[:-1])
    yield from zip(turns[::2].tolist(), (turns[1::2] - 1).tolist(), strict=True)


def rarity_of(
    badness: NDArray[np.float64], past: Sequence[tuple[float, float]], measure: int
) -> NDArray[np.float64]:
    """Return which share of the past spells was at least as bad; NaN where nothing can tell."""
    known = np.sort([spell[measure] for spell in past if not np.isnan(spell[measure])])
    if not known.size:
        return np.full(badness.size, np.nan)
    as_bad = known.size - np.searchsorted(known, badness, side="left")
    return np.where(np.isnan(badness), np.nan, as_bad / known.size)


def covering_event(dates: "pd.Series[pd.Timestamp]", catalogue: Sequence[RareEvent]) -> str | None:
    """Return the event of the catalogue that shares a date with a spell, if any."""
    first, last = dates.iloc[0].date(), dates.iloc[-1].date()
    for event in catalogue:
        if event.first_date <= last and event.last_date >= first:
            return event.event
    return None


def lines_to_paste(proposals: pd.DataFrame, memory: MemoryConfig) -> str:
    """Return the lines of a settings file that add the ended, uncovered proposals."""
    ended = proposals[(proposals["state"] == "ended") & proposals["covered_by"].isna()]
    return "\n\n".join(
        "[[memory.own_events]]\n"
        f'event = "{row["proposal"]}"\n'
        f"first_date = {row['first_date']:%Y-%m-%d}\n"
        f"last_date = {row['last_date']:%Y-%m-%d}\n"
        f'regime = "{row["regime"]}"\n'
        f"weight = {memory.proposals.weight}"
        for row in ended.to_dict("records")
    )
