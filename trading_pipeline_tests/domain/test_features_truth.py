"""No feature may know what was not yet known; each registered one is put to the same trials."""

import functools

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.bars.sessions import DECISION_TIME, at_new_york, session_table
from trading_pipeline.domain.features.daily import KEYS, build_daily_features
from trading_pipeline.domain.features.kernels import session_rank
from trading_pipeline.domain.features.prices import past_return
from trading_pipeline.domain.features.registry import Feature, feature_registry
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.domain.features_market import FIRST, MARKET, made_market, real_market

REGISTRY = feature_registry(load_settings(environment={}).features)
NAMES = [feature.name for feature in REGISTRY]
N_SESSIONS = 1120
# The split is before 380, the delisting after 300, the seam at 60, the withheld bar at 400.
PLACES = (59, 60, 75, 200, 299, 300, 301, 379, 380, 399, 400, 401, 650, 880)
EVENTS = ("news", "social", "options_flow", "etf_flows", "calendar_events", "macro")
CUT = ("bars", "vix", "regimes", *EVENTS)
NOISE = {"open", "high", "low", "close", "volume"}
NOISE |= {"sentiment", "n_posts", "imbalance", "flow_usd", "value"}


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


def cut_at(frames, as_of):
    """Return the frames with only what was known."""
    held = [name for name in CUT if name in frames]
    return frames | {name: frames[name][frames[name]["known_at"] <= as_of] for name in held}


def garbled_after(frames, as_of, rng):
    """Return the frames with noise wherever the row was not yet known."""
    garbled = dict(frames)
    for name in CUT:
        frame = frames[name].copy()
        hidden = (frame["known_at"] > as_of).to_numpy()
        for column in sorted(NOISE & set(frame)):
            noise = np.exp(rng.normal(0, 5, hidden.sum()))
            frame.loc[hidden, column] = noise.astype(frame[column].dtype)
        if name == "calendar_events":
            moved = pd.to_timedelta(rng.integers(-300, 300, hidden.sum()), unit="D")
            frame.loc[hidden, "scheduled_at"] += moved
        if name == "regimes":
            frame.loc[hidden, "regime"] = "recovery"
        garbled[name] = frame
    return garbled


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


def known(frame, as_of):
    return frame[frame["known_at"] <= as_of].reset_index(drop=True)


def column(name, compute):
    """Return a feature for one trial."""
    return Feature(
        name=name,
        family="planted",
        formula=name,
        unit="1",
        lookback_sessions=1,
        inputs=("close",),
        source="planted",
        compute=compute,
    )


def every_bar_rank(panel):
    order, starts, _ = panel.by_session
    return session_rank(panel.past_change(5), order, starts)


LEAKS = (
    column("future bar", lambda panel: np.roll(panel["close"], -1) / panel["close"]),
    column("centred window", lambda panel: np.roll(panel.value(past_return(20)), -10)),
    column("full-sample scaler", lambda p: p["return"] / np.nanstd(p["return"])),
    column("full-sample rank", lambda p: pd.Series(p["return"]).rank(pct=True).to_numpy()),
    column("back-fill", lambda p: pd.Series(p["volume"]).bfill().to_numpy()),
    column("withheld bar in a rank", every_bar_rank),
)


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.name)
def test_a_planted_leak_is_caught(leak):
    as_of = moment(40 if leak.name == "back-fill" else 400)
    whole = known(build_daily_features(**market(), registry=(leak,)), as_of)
    cut = build_daily_features(**cut_at(market(), as_of), registry=(leak,))
    assert differing(whole, known(cut, as_of)) == [leak.name]


def test_a_planted_price_level_is_caught():
    level = column("price level", lambda panel: panel.level)
    frames = market()
    bars = frames["bars"].assign(close=frames["bars"]["close"] * 2)
    one = build_daily_features(**frames, registry=(level,))
    other = build_daily_features(**frames | {"bars": bars}, registry=(level,))
    assert differing(one, other) == [level.name]


@pytest.mark.parametrize("place", PLACES)
def test_features_known_by_a_moment_ignore_what_came_after_it(place):
    as_of = moment(place)
    before = known(features(), as_of)
    cut = build_daily_features(**cut_at(market(), as_of), registry=REGISTRY)
    assert len(before) > 0
    assert differing(before, known(cut, as_of)) == []
    noisy = garbled_after(market(), as_of, np.random.default_rng(place))
    garbled = build_daily_features(**noisy, registry=REGISTRY)
    assert differing(before, known(garbled, as_of)) == []


@pytest.mark.skipif(not MARKET.exists(), reason="the real market folder is not here")
def test_features_of_real_bars_ignore_what_came_after():
    frames = real_market(3)
    frames["bars"] = frames["bars"][frames["bars"]["session_date"] < "2009-06-01"]
    whole = build_daily_features(**frames, registry=REGISTRY)
    for date in ("2006-03-16", "2008-10-10"):
        as_of = at_new_york(pd.Series([pd.Timestamp(date)]), DECISION_TIME)[0]
        cut = build_daily_features(**cut_at(frames, as_of), registry=REGISTRY)
        assert differing(known(whole, as_of), cut) == []


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
