"""Which falls are shown as pictures: the best and the worst trades."""

import pandas as pd

KEYS = ["symbol", "session_date", "rung"]
SHOWN = [
    *KEYS,
    "detected_at",
    "session_open",
    "low",
    "entry_at",
    "entry_price",
    "stop_price",
    "target_price",
    "exit_at",
    "exit_price",
    "exit_reason",
    "r_multiple",
]


def best_and_worst(
    events: pd.DataFrame,
    outcomes: pd.DataFrame,
    *,
    delay: int,
    n_each: int,
    among: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the `n_each` best trades by `r_multiple`, then the `n_each` worst, best first.

    Args:
        events: selloffs.events; only tradable ones (`is_first`, clean) are shown.
        outcomes: selloffs.outcomes, of which closed trades at `delay` minutes.
        delay: Entry delay in minutes.
        n_each: Most of each kind; no trade is shown twice.
        among: Keys (symbol, session_date, rung) to choose from; None for all.

    Gives the columns of `SHOWN` and `kind` (best | worst); ties go by symbol and session.
    """
    closed = (outcomes["status"] == "closed") & (outcomes["entry_delay_minutes"] == delay)
    tradable = events[events["is_first"].astype(bool) & (events["quality"] == "clean")]
    rows = outcomes[closed].merge(tradable[[*KEYS, "session_open", "low"]], on=KEYS)
    if among is not None:
        rows = rows.merge(among[KEYS].drop_duplicates(), on=KEYS)
    ordered = rows.sort_values(
        ["r_multiple", "symbol", "session_date"], ascending=[False, True, True], ignore_index=True
    )[SHOWN]
    n_best = min(n_each, (len(ordered) + 1) // 2)
    n_worst = min(n_each, len(ordered) - n_best)
    return pd.concat(
        [
            ordered.head(n_best).assign(kind="best"),
            ordered.tail(n_worst).assign(kind="worst"),
        ],
        ignore_index=True,
    )
