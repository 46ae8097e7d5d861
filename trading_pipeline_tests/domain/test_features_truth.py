"""No feature may know what was not yet known; each registered one is put to the same trials."""

import functools

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.bars.sessions import DECISION_TIME, at_new_york, session_table
from trading_pipeline.domain.features.daily import KEYS, build_daily_features
from trading_pipeline.domain.features.kernels import session_rank
from trading_pipeline.domain.features.registry import feature_registry
from trading_pipeline.domain.proof.daily import daily_study
from trading_pipeline.domain.proof.future import future_findings
from trading_pipeline.domain.proof.planted_features import planted_feature
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.domain.features_market import FIRST, MARKET, made_market, real_market

REGISTRY = feature_registry(load_settings(environment={}).features)
NAMES = [feature.name for feature in REGISTRY]
N_SESSIONS = 1120
# The split is before 380, the delisting after 300, the seam at 60, the withheld bar at 400.
PLACES = (59, 60, 75, 200, 299, 300, 301, 379, 380, 399, 400, 401, 650, 880)
EVENTS = ("news", "social", "options_flow", "etf_flows", "calendar_events", "macro")
CUT = ("bars", "vix", "regimes", *EVENTS)


@functools.cache
def market():
    return made_market(n_symbols=7, n_sessions=N_SESSIONS)


@functools.cache
def features():
    return build_daily_features(**market(), registry=REGISTRY)


def moment(place, hours=0):
    """Return the decision time of the session at a place of the made market."""
    date = session_table()["session_date"].iloc[[FIRST + place]]
    return at_new_york(date, DECISION_TIME)[0] + pd.Timedelta(hours=hours)


def study(frames, registry=REGISTRY):
    """Return the study of features over frames, judged at the end of every session."""
    dates = frames["regimes"]["session_date"]
    return daily_study(frames, registry, at_new_york(dates, DECISION_TIME))


def begun_at(frame, place):
    """Return the rows from a session of the made market on; a schedule needs no warm-up."""
    if "scheduled_at" in frame:
        return frame
    date = session_table()["session_date"].iloc[FIRST + place]
    for column in ("session_date", "observed_date"):
        if column in frame:
            return frame[frame[column] >= date]
    return frame[frame["known_at"] > moment(place - 1)]


def differing(one, other):
    """Return the columns that differ in any bit of a present value, or in what is missing."""
    assert one[["symbol", "session"]].equals(other[["symbol", "session"]])
    return [
        name
        for name in one.columns
        if name not in KEYS and not np.array_equal(one[name], other[name], equal_nan=True)
    ]


def every_bar_rank(panel):
    order, starts, _ = panel.by_session
    return session_rank(panel.past_change(5), order, starts)


def test_a_rank_that_sees_a_withheld_bar_is_caught():
    leak = planted_feature("withheld bar in a rank", "rank of every bar", every_bar_rank)
    [finding] = future_findings(study(market(), (leak,)), [moment(400)])
    assert finding.subject == leak.name


def test_features_known_by_a_moment_ignore_what_came_after_it():
    found = future_findings(study(market()), [moment(place) for place in PLACES])
    assert [finding.how for finding in found] == []


@pytest.mark.skipif(not MARKET.exists(), reason="the real market folder is not here")
def test_features_of_real_bars_ignore_what_came_after():
    frames = real_market(3)
    frames["bars"] = frames["bars"][frames["bars"]["session_date"] < "2009-06-01"]
    dates = pd.Series(pd.to_datetime(["2006-03-16", "2008-10-10"]))
    found = future_findings(study(frames), list(at_new_york(dates, DECISION_TIME)))
    assert [finding.how for finding in found] == []


def test_features_are_missing_through_their_warm_up_and_settled_after_it():
    start = FIRST + 95
    frames = market()
    late = frames | {name: begun_at(frames[name], start - FIRST) for name in CUT}
    short = build_daily_features(**late, registry=REGISTRY).query("symbol == 'AAA'")
    whole = features().query("symbol == 'AAA' and session >= @start")
    for feature in REGISTRY:
        needed = feature.lookback_sessions - 1
        values, settled = short[feature.name].to_numpy(), whole[feature.name].to_numpy()
        assert np.isnan(values[:needed]).all(), feature.name
        # AAA has no sector.
        alone = "sectors.gics_sector" in feature.inputs
        assert alone or not np.isnan(values[needed:]).all(), feature.name
        if feature.family not in ("rank", "calendar", "regime") and not alone:
            gap = np.abs(values - settled)[needed:]
            assert np.nanmax(gap) <= 0.02 * np.nanstd(settled), feature.name


def test_the_order_of_input_rows_does_not_matter():
    frames = market()
    shuffled = {name: frame.sample(frac=1, random_state=5) for name, frame in frames.items()}
    again = build_daily_features(**shuffled, registry=REGISTRY)
    pd.testing.assert_frame_equal(again, features(), check_exact=True)


@pytest.mark.parametrize("scaled", ["prices", "adj_factor", "volume"])
def test_no_feature_reads_a_level_of_price_or_volume(scaled):
    frames = market()
    bars = frames["bars"].copy()
    factor = bars["symbol"].map(
        {symbol: 0.0037 * 3.1**i for i, symbol in enumerate(bars["symbol"].unique())}
    )
    columns = ["open", "high", "low", "close"] if scaled == "prices" else [scaled]
    bars[columns] = bars[columns].mul(factor, axis=0)
    again = build_daily_features(**frames | {"bars": bars}, registry=REGISTRY)
    # Published with ln(volume + 1), Alpha158's CORR reads a count of shares, though no price.
    counts_shares = {f"CORR{d}" for d in (5, 10, 20, 30, 60)} if scaled == "volume" else set()
    for name in NAMES:
        if name not in counts_shares:
            np.testing.assert_allclose(
                again[name], features()[name], rtol=1e-6, atol=1e-7, err_msg=name
            )


def test_a_later_split_changes_no_earlier_feature():
    frames = market()
    bars = frames["bars"].copy()
    at = bars["symbol"].eq("AAA") & bars["session"].ge(FIRST + 500)
    bars.loc[at, ["open", "high", "low", "close"]] /= 2.0
    bars.loc[at, "volume"] *= 2.0
    bars.loc[bars["symbol"].eq("AAA") & ~at, "adj_factor"] = 0.5
    again = build_daily_features(**frames | {"bars": bars}, registry=REGISTRY)
    assert differing(features(), again) == []


def test_nothing_looks_across_a_vendor_seam():
    seam = features().query("symbol == 'DDD' and session >= @FIRST + 60").reset_index(drop=True)
    for feature in REGISTRY:
        if "close" in feature.inputs:
            missing = seam[feature.name].iloc[: feature.lookback_sessions - 1]
            assert missing.isna().all(), feature.name


def test_what_needs_more_than_closes_is_missing_where_there_are_only_closes():
    closes_only = features().query("symbol == 'FFF'")
    for feature in REGISTRY:
        needs_more = {"open", "high", "low", "volume"} & set(feature.inputs)
        assert closes_only[feature.name].isna().all() == bool(needs_more), feature.name


def test_a_withheld_bar_delays_its_own_row_and_joins_no_cross_section():
    at = features().query("session == @FIRST + 400").set_index("symbol")
    closes_next = session_table()["closes_at"].iloc[FIRST + 401]
    assert at.loc["EEE", "known_at"] == closes_next
    assert (at.drop(index="EEE")["known_at"] == moment(400)).all()
    assert np.isnan(at.loc["EEE", "rank_return_20"])
    assert sorted(at["rank_return_20"].dropna()) == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_a_withheld_index_bar_leaves_its_session_without_market_features():
    frames = market()
    bars = frames["bars"].copy()
    at = bars["symbol"].eq("IDX") & bars["session"].eq(FIRST + 600)
    bars.loc[at, "known_at"] = session_table()["closes_at"].iloc[FIRST + 601]
    again = build_daily_features(**frames | {"bars": bars}, registry=REGISTRY)
    index_return = again.query("symbol == 'AAA'").set_index("session")["index_return_5"]
    assert np.isnan(index_return[FIRST + 600])
    assert not np.isnan(index_return[FIRST + 601])


def test_a_window_of_sessions_holds_the_rows_of_the_whole_history():
    window = (FIRST + 310, FIRST + 320)
    part = build_daily_features(**market(), registry=REGISTRY, session_window=window)
    whole = features()[features()["session"].between(*window)].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, whole, check_exact=True)
