"""A rank knows its own session alone, and what a session shares has none."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.domain.features.registry import feature_registry
from trading_pipeline.domain.features.session_ranks import rankable, ranked_within_session
from trading_pipeline.settings import load_settings

REGISTRY = feature_registry(load_settings(environment={}).features)


def frame(**columns):
    return pd.DataFrame({"symbol": "S", **columns})


def test_ranks_run_from_zero_to_one_and_equal_values_share_their_mean():
    given_values = frame(session=[1, 2, 1, 1, 2, 1, 3], x=[3.0, 5.0, 1.0, 3.0, np.nan, np.inf, 9.0])
    ranks = ranked_within_session(given_values, ["x", "absent"])["x"]
    assert ranks.dtype == np.float32
    assert ranks.fillna(-1).tolist() == [0.75, -1, 0, 0.75, -1, -1, -1]


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=4, max_size=30), st.data())
def test_a_rank_is_blind_to_other_sessions_to_row_order_and_to_rising_transformations(x, data):
    session = data.draw(st.lists(st.integers(1, 3), min_size=len(x), max_size=len(x)))
    whole = frame(session=session, x=np.array(x, dtype=np.float32), y=0.5)
    ranks = ranked_within_session(whole, ["x"])
    alone = ranked_within_session(whole[whole["session"] == session[0]], ["x"])
    assert ranks.loc[alone.index].equals(alone)
    turned = ranked_within_session(whole.iloc[::-1], ["x"]).sort_index()
    assert turned.equals(ranks)
    doubled = ranked_within_session(whole.assign(x=2 * whole["x"]), ["x"])
    assert doubled.equals(ranks)
    assert (ranks["y"] == 0.5).all()


def test_what_all_equities_of_a_session_share_is_not_ranked():
    names = rankable(REGISTRY)
    shared = {"vix_level", "index_return_20", "is_regime_crash", "month", "rate_10y", "breadth_50"}
    own = {"return_20", "momentum_12_1", "volatility_20", "beta_60", "sector_return_20"}
    assert not shared & names
    assert own <= names
    assert "market_news_sentiment_5" not in names
