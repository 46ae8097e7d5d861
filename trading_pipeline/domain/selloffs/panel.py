"""The rows a model of falls learns from: features, closed outcomes and the regime known then."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from trading_pipeline.contracts.vocabulary import UNKNOWN_REGIME
from trading_pipeline.domain.bars.sessions import session_dates
from trading_pipeline.domain.ensemble.training import Panel

EVENT = ["symbol", "session_date", "rung"]
# They say which row it is, or at which prices: no model reads them.
IDENTITY = ("symbol", "session_date", "detected_at", "session", "session_open", "low")
TIME_BUCKET = "time_bucket"
TIME_BUCKETS = ("opening", "morning", "midday", "afternoon", "power_hour")
CLEAN = "clean"


def fall_panel(
    events: pd.DataFrame,
    features: pd.DataFrame,
    outcomes: pd.DataFrame,
    regimes: pd.DataFrame,
    delay_minutes: int,
) -> Panel:
    """Return the clean falls whose trade is closed, in order of session, symbol and rung.

    Args:
        events: selloffs.events; those whose quality is not clean are left out.
        features: selloffs.features.
        outcomes: selloffs.outcomes; the closed ones of the delay count.
        regimes: session_date and regime of regimes.market.
        delay_minutes: The verdict's entry delay.

    Returns:
        ``rows`` has symbol, session_date, session, end_session, rung, detected_at, label (1
        where it reversed), gross_r, cost_r, r_multiple, is_first and regime: of the session
        before, `unknown` where there is none. A label ends in its own session. ``X`` is float32,
        NaN as missing.
    """
    closed = outcomes[
        (outcomes["entry_delay_minutes"] == delay_minutes) & (outcomes["status"] == "closed")
    ]
    known = [*EVENT, "reversed", "gross_r", "cost_r", "r_multiple"]
    clean = events.loc[events["quality"] == CLEAN, [*EVENT, "is_first"]]
    joined = features.merge(clean, on=EVENT, validate="one_to_one")
    joined = joined.merge(closed[known], on=EVENT, validate="one_to_one")
    joined = joined.sort_values(["session", "symbol", "rung"], ignore_index=True)
    session = joined["session"].to_numpy(np.int64)
    rows = joined[[*EVENT, "detected_at", "is_first", "gross_r", "cost_r", "r_multiple"]].assign(
        session=session,
        end_session=session,
        label=joined["reversed"].astype("int64"),
        is_first=joined["is_first"].astype(bool),
        regime=regime_before(session, regimes),
    )
    names = [name for name in features.columns if name not in IDENTITY]
    return Panel(rows, model_matrix(joined, sorted(names)))


def regime_before(
    session: "np.ndarray[tuple[int], np.dtype[np.int64]]", regimes: pd.DataFrame
) -> "pd.Series[str]":
    """Return the market regime of the session before each one: an intraday decision knows that."""
    by_date = regimes.set_index("session_date")["regime"]
    before = pd.Series(session_dates(session - 1))
    return before.map(by_date).fillna(UNKNOWN_REGIME).astype(object)


def model_matrix(features: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return named columns of selloffs.features as a model reads them, float32 on their index.

    A time bucket becomes its place in the day, yes and no become 1 and 0; missing is NaN.
    Raises ValueError naming the columns that the frame lacks.
    """
    lacking = [name for name in columns if name not in features.columns]
    if lacking:
        raise ValueError(f"features of falls lack {', '.join(lacking[:5])}")
    place = {name: float(i) for i, name in enumerate(TIME_BUCKETS)}
    values = {
        name: (features[name].map(place) if name == TIME_BUCKET else features[name]).to_numpy(
            np.float32, na_value=np.nan
        )
        for name in columns
    }
    return pd.DataFrame(values, index=features.index)
