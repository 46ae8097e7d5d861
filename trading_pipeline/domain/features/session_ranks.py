"""Features as ranks among a session's equities: what all of them share is taken out.

A level that moves with the whole market says little about who beats whom. What is the same for
every equity of a session (index, VIX, regime, calendar, macro) has no rank and stays as it is.
"""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from trading_pipeline.domain.features.registry import Feature

# Sources of inputs that are one value a session.
SHARED_SOURCES = frozenset(
    {"index", "vix", "regimes", "calendar", "calendar_events", "etf_flows", "macro", "universe"}
)
# Its input is by symbol, its value the whole market's.
SHARED_FEATURES = frozenset({"market_news_sentiment_5"})


def rankable(registry: Sequence[Feature]) -> frozenset[str]:
    """Return the features that differ between the equities of a session."""
    return frozenset(
        feature.name
        for feature in registry
        if feature.name not in SHARED_FEATURES
        and not {name.partition(".")[0] for name in feature.inputs} <= SHARED_SOURCES
    )


def ranked_within_session(features: pd.DataFrame, names: Collection[str]) -> pd.DataFrame:
    """Return the features with the named ones as ranks, 0 lowest to 1 highest of the session.

    `features` has session and one column a feature, all equities of each of its sessions. Equal
    values share their mean rank; what is missing, infinite or alone has none. Names that are not
    there are passed over.
    """
    columns = [name for name in features.columns if name in set(names)]
    if not columns:
        return features
    values = features[columns].astype(np.float64).replace([np.inf, -np.inf], np.nan)
    by_session = values.groupby(features["session"], sort=False)
    others = by_session.transform("count") - 1
    ranks = (by_session.rank() - 1) / others.where(others > 0)
    return features.assign(**{name: ranks[name].astype(np.float32) for name in columns})
