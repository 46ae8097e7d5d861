"""Labelled rows with their features, joined in memory as the query ensemble/panel joins tables."""

import pandas as pd

from trading_pipeline.contracts.data_config import MemoryConfig
from trading_pipeline.domain.bars.sessions import DECISION_TIME, at_new_york
from trading_pipeline.domain.ensemble.training import KEYS


def labelled_rows(
    labels: pd.DataFrame, regimes: pd.DataFrame, features: pd.DataFrame, memory: MemoryConfig
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of labels.direction with features, and event, symbol, session archived.

    The rows have the columns KEYS of the panel and one a feature. `features` is features.daily;
    rows known after 18:00 New York of their session are left out.
    """
    decided = at_new_york(features["session_date"], DECISION_TIME)
    in_time = (features["known_at"] <= pd.Series(decided, index=features.index)).to_numpy()
    known = features[in_time].drop(columns=["session_date", "known_at"])
    rows = labels.merge(regimes[["session_date", "regime"]], on="session_date")
    rows = rows.merge(known, on=["symbol", "session"])
    event: pd.Series[str] = pd.Series(None, index=rows.index, dtype=object)
    regime = event.copy()
    for named in memory.catalogue:
        inside = rows["session_date"].between(
            pd.Timestamp(named.first_date), pd.Timestamp(named.last_date)
        )
        event[inside], regime[inside] = named.event, named.regime
    rows["event_regime"] = regime
    archived = event.notna()
    keys = rows.loc[archived, ["symbol", "session"]].assign(event=event[archived])
    names = [name for name in known.columns if name not in ("symbol", "session")]
    return rows[[*KEYS, *names]], keys
