"""Event features equal a plain reading of the tables: row by row, only what was known by then."""

import functools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.contracts.data_config import FeaturesConfig
from trading_pipeline.domain.bars.sessions import (
    DECISION_TIME,
    at_new_york,
    session_ordinals,
    session_table,
)
from trading_pipeline.domain.features.as_of import SILENT_SESSIONS, Vintages
from trading_pipeline.domain.features.daily import build_daily_features
from trading_pipeline.domain.features.events import MAX_SINCE_SESSIONS, event_features
from trading_pipeline_tests.domain.features_market import FIRST, made_market
from trading_pipeline_tests.domain.settings_of import shipped

REGISTRY = event_features(shipped(FeaturesConfig, "features"))
TABLES = ("news", "social", "options_flow", "etf_flows", "calendar_events", "macro")
N_SESSIONS = 440
DATES = pd.DatetimeIndex(session_table()["session_date"])
DECIDED = at_new_york(DATES, DECISION_TIME)


@functools.cache
def market():
    return made_market(n_symbols=6, n_sessions=N_SESSIONS)


@functools.cache
def features():
    return build_daily_features(**market(), registry=REGISTRY)


@functools.cache
def sampled():
    return features().sample(70, random_state=8)


def built(**tables):
    """Return the features of the made market with other event tables."""
    return build_daily_features(**market() | tables, registry=REGISTRY)


def at(frame, name, place, symbol="AAA"):
    """Return a symbol's feature at a place of the made market."""
    row = frame[(frame["symbol"] == symbol) & (frame["session"] == FIRST + place)]
    return row[name].item()


def decided(place, minutes=0):
    return DECIDED[FIRST + place] + pd.Timedelta(minutes=minutes)


def same(given, expected):
    both_missing = np.isnan(given) and np.isnan(expected)
    return both_missing or np.isclose(given, expected, rtol=1e-9, atol=2e-6)


def check(names_of_row):
    """Compare the sampled rows with a plain reading: row -> {feature: value}."""
    seen = dict.fromkeys(names_of_row(next(sampled().itertuples(index=False))), 0)
    for row in sampled().itertuples(index=False):
        for name, value in names_of_row(row).items():
            assert same(getattr(row, name), value), (name, row.symbol, row.session_date)
            seen[name] += not np.isnan(value)
    assert all(seen.values()), seen


def window(table, row, n):
    """Return the rows known in the n sessions up to a row's decision; None where not covered."""
    known = table[table["known_at"] <= DECIDED[row.session]]
    own = known[known["symbol"] == row.symbol]
    if own.empty or known["known_at"].max() <= DECIDED[row.session - SILENT_SESSIONS]:
        return None
    first = int(np.searchsorted(DECIDED, own["known_at"].min()))
    if row.session - first < n - 1:
        return None
    return own[own["known_at"] > DECIDED[row.session - n]]


def tallied(table, weight, row):
    """Return (count, mean sentiment) by window, NaN where missing."""
    counts, means = {}, {}
    for n in (1, 5, 20):
        rows = window(table, row, n)
        counts[n] = np.nan if rows is None else float(rows[weight].sum())
        scored = None if rows is None else rows[rows["sentiment"].notna()]
        means[n] = (
            np.nan
            if scored is None or scored.empty
            else float(np.average(scored["sentiment"], weights=scored[weight]))
        )
    return counts, means


@pytest.mark.parametrize(("table", "count"), [("news", "news_count"), ("social", "social_posts")])
def test_counts_and_sentiment_are_those_of_the_rows_known_in_the_window(table, count):
    rows = market()[table]
    rows = rows.assign(weight=rows.get("n_posts", 1))

    def read(row):
        counts, means = tallied(rows, "weight", row)
        ratio = counts[1] / counts[20] * 20 if counts[20] > 0 else np.nan
        return {
            **{f"{count}_{n}": value for n, value in counts.items()},
            **{f"{table}_sentiment_{n}": value for n, value in means.items()},
            f"{count}_ratio_1_20": ratio,
            f"{table}_sentiment_change": means[5] - means[20],
        }

    check(read)


def as_known(rows, key, moment):
    """Return the newest value of each observation known by a moment."""
    known = rows[rows["known_at"] <= moment].sort_values("known_at")
    return known.drop_duplicates(key, keep="last").set_index(key)


def test_options_imbalance_is_that_of_the_newest_sessions_known():
    def read(row):
        flow = market()["options_flow"]
        flow = flow[flow["symbol"] == row.symbol]
        known = as_known(flow, "session_date", DECIDED[row.session])["imbalance"]
        back = [known.get(DATES[row.session - n], np.nan) for n in range(12)]
        lag = next((n for n in range(5) if not np.isnan(back[n])), None)
        newest = back[lag : lag + 5] if lag is not None else [np.nan] * 5
        return {
            "options_imbalance_1": newest[0],
            "options_imbalance_5": np.mean(newest),
            "options_imbalance_change": newest[0] - np.mean(newest),
        }

    check(read)


@pytest.mark.parametrize("fund", ["SPY", "XLK"])
def test_fund_flows_are_shares_of_their_usual_size(fund):
    def read(row):
        flows = market()["etf_flows"]
        known = as_known(flows[flows["symbol"] == fund], "session_date", DECIDED[row.session])
        known = known["flow_usd"]
        nothing = {f"etf_flow_{fund.lower()}_{n}": np.nan for n in (1, 5)}
        lag = next((n for n in range(5) if DATES[row.session - n] in known.index), None)
        if lag is None or known.index.min() > DATES[row.session - lag - 60]:
            return nothing
        back = [known.get(DATES[row.session - lag - n], np.nan) for n in range(61)]
        usual = np.nanmean(np.abs(back[1:]))
        return {f"etf_flow_{fund.lower()}_{n}": np.mean(back[:n]) / usual for n in (1, 5)}

    check(read)


def test_sessions_to_and_since_events_follow_the_schedule_known_then():
    def read(row):
        moment, found = DECIDED[row.session], {}
        for kind in ("fomc", "cpi", "earnings"):
            events = market()["calendar_events"]
            events = events[events["kind"] == kind]
            if kind == "earnings":
                events = events[events["symbol"] == row.symbol]
            due = as_known(events, "event_id", moment)["scheduled_at"]
            place = np.searchsorted(DECIDED, due)
            ahead, behind = place[place > row.session], place[place <= row.session]
            since = row.session - behind.max() if behind.size else np.nan
            to = ahead.min() - row.session if ahead.size else np.nan
            found[f"sessions_to_{kind}"] = float(to)
            found[f"sessions_since_{kind}"] = (
                float(since) if since <= MAX_SINCE_SESSIONS else np.nan
            )
        return found

    check(read)


def test_macro_features_read_the_vintages_known_then():
    def read(row):
        moment = DECIDED[row.session]

        def series(code):
            rows = market()["macro"]
            return as_known(rows[rows["series"] == code], "observed_date", moment)["value"]

        def before(values, days):
            last = values.index.max() - pd.Timedelta(days=days)
            earlier = values[(values.index <= last) & (values.index >= last - pd.Timedelta(days=7))]
            return earlier[earlier.index.max()] if len(earlier) else np.nan

        def months_before(values, n):
            return values.get(values.index.max() - pd.DateOffset(months=n), np.nan)

        def newest(values):
            return values[values.index.max()]

        ten, two, oil = series("DGS10"), series("DGS2"), series("DCOILWTICO")
        cpi, jobless, funds = series("CPIAUCSL"), series("UNRATE"), series("FEDFUNDS")
        return {
            "rate_10y": newest(ten),
            "rate_slope_10y_2y": newest(ten) - newest(two),
            "rate_2y_change_28d": newest(two) - before(two, 28),
            "oil_return_28d": newest(oil) / before(oil, 28) - 1,
            "cpi_yearly": newest(cpi) / months_before(cpi, 12) - 1,
            "cpi_yearly_change_3m": newest(cpi) / months_before(cpi, 12)
            - months_before(cpi, 3) / months_before(cpi, 15),
            "unemployment_change_3m": newest(jobless) - months_before(jobless, 3),
            "fed_funds_change_12m": newest(funds) - months_before(funds, 12),
        }

    check(read)


@pytest.mark.parametrize("place", [75, 300, 301, 400, 430])
def test_event_features_ignore_what_was_not_yet_known(place):
    frames = market()
    cut = {name: frames[name][frames[name]["known_at"] <= decided(place)] for name in TABLES}
    whole = features()[features()["session"] <= FIRST + place].reset_index(drop=True)
    part = built(**cut)
    part = part[part["session"] <= FIRST + place].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, whole, check_exact=True)


def test_the_order_of_event_rows_does_not_matter():
    frames = market()
    shuffled = {name: frames[name].sample(frac=1, random_state=3) for name in TABLES}
    pd.testing.assert_frame_equal(built(**shuffled), features(), check_exact=True)


def test_without_a_table_its_features_are_missing_and_no_others_change():
    families = {"news": "news", "social": "social", "options_flow": "options"}
    families |= {"etf_flows": "etf_flow", "calendar_events": "schedule", "macro": "macro"}
    for table, family in families.items():
        without = built(**{table: None})
        empty = built(**{table: market()[table].iloc[:0]})
        for feature in REGISTRY:
            name = feature.name
            if feature.family == family:
                assert without[name].isna().all(), name
                assert empty[name].isna().all(), name
            else:
                assert np.array_equal(without[name], features()[name], equal_nan=True), name


def news(*rows):
    frame = pd.DataFrame(rows, columns=["symbol", "known_at", "sentiment"])
    return frame.astype({"known_at": "datetime64[ns, UTC]", "sentiment": "float64"})


def test_news_known_a_minute_after_the_decision_belongs_to_the_next_session():
    rows = news(("AAA", decided(100), 0.5), ("AAA", decided(100, minutes=1), -0.5))
    found = built(news=rows)
    assert at(found, "news_count_1", 100) == 1
    assert at(found, "news_sentiment_1", 100) == 0.5
    assert at(found, "news_sentiment_1", 101) == -0.5


def test_no_news_is_zero_only_while_the_feed_is_known_to_speak():
    rows = news(("AAA", decided(100), 0.5), ("FFF", decided(105), 0.1))
    found = built(news=rows)
    assert np.isnan(at(found, "news_count_1", 99))
    assert at(found, "news_count_1", 104) == 0
    assert np.isnan(at(found, "news_count_5", 103))
    assert at(found, "news_count_5", 104) == 1
    assert at(found, "news_count_1", 105 + SILENT_SESSIONS - 1) == 0
    assert np.isnan(at(found, "news_count_1", 105 + SILENT_SESSIONS))
    assert np.isnan(at(found, "news_count_1", 104, symbol="FFF"))
    assert np.isnan(at(found, "news_sentiment_1", 104))


def schedule(*rows):
    frame = pd.DataFrame(rows, columns=["event_id", "scheduled_at", "known_at"])
    return frame.assign(kind="fomc", symbol=None)


def test_a_moved_event_counts_at_its_new_time_from_when_that_is_known():
    rows = schedule(
        ("a", decided(120, minutes=-240), decided(90)), ("a", decided(125), decided(110))
    )
    found = built(calendar_events=rows)
    assert np.isnan(at(found, "sessions_to_fomc", 89))
    assert at(found, "sessions_to_fomc", 109) == 11
    assert at(found, "sessions_to_fomc", 110) == 15
    assert np.isnan(at(found, "sessions_since_fomc", 124))
    assert at(found, "sessions_since_fomc", 125) == 0
    assert np.isnan(at(found, "sessions_to_fomc", 125))
    assert at(found, "sessions_since_fomc", 125 + MAX_SINCE_SESSIONS) == MAX_SINCE_SESSIONS
    assert np.isnan(at(found, "sessions_since_fomc", 126 + MAX_SINCE_SESSIONS))


def test_an_event_after_six_belongs_to_the_next_session():
    found = built(calendar_events=schedule(("a", decided(120, minutes=1), decided(90))))
    assert at(found, "sessions_to_fomc", 120) == 1
    assert at(found, "sessions_since_fomc", 121) == 0


def test_a_macro_series_that_ended_says_nothing_any_more():
    macro = market()["macro"]
    ended = macro[macro["observed_date"] <= DATES[FIRST + 100]]
    found = built(macro=ended)
    assert not np.isnan(at(found, "rate_10y", 110))
    assert np.isnan(at(found, "rate_10y", 140))
    assert np.isnan(at(found, "cpi_yearly", 300))


rows_of = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8), st.floats(-5, 5)), max_size=25)


@given(rows=rows_of, wanted=st.lists(st.tuples(st.integers(-1, 6), st.integers(-1, 9))))
def test_a_lookup_gives_the_newest_vintage_known_at_the_moment(rows, wanted):
    rows = list({(key, known): (key, known, value) for key, known, value in rows}.values())
    key, known, value = (np.array(column) for column in zip(*rows, strict=True)) if rows else (
        np.empty(0, "int64"), np.empty(0, "int64"), np.empty(0)
    )  # fmt: skip
    vintages = Vintages(key.astype("int64"), known.astype("int64"), value.astype("float64"))
    for observation, moment in wanted:
        seen = [r for r in rows if r[1] <= moment]
        mine = [r for r in seen if r[0] == observation]
        expected = max(mine, key=lambda r: r[1])[2] if mine else np.nan
        place, instant = np.array([observation]), np.array([moment])
        assert np.array_equal(vintages.at(place, instant), [expected], equal_nan=True)
        assert vintages.newest(instant)[0] == max((r[0] for r in seen), default=-1)
        assert vintages.oldest(instant)[0] == min((r[0] for r in seen), default=-1)


def calendar_value(name, date):
    """Return a calendar feature on a date, of a panel that needs its session alone."""
    feature = next(f for f in REGISTRY if f.name == name)

    class OneSession:
        session = session_ordinals(pd.DatetimeIndex([date]))

    return float(feature.compute(OneSession())[0])


@pytest.mark.parametrize(
    ("name", "date", "value"),
    [
        ("sessions_to_options_expiry", "2008-03-20", 0),  # Good Friday is the third Friday
        ("sessions_to_options_expiry", "2008-03-18", 2),
        ("sessions_to_options_expiry", "2012-10-19", 0),
        ("sessions_to_options_expiry", "2012-10-22", 19),  # two days of the storm are counted
        ("sessions_to_quarter_end", "2012-09-28", 0),
        ("sessions_to_quarter_end", "2001-09-10", 14),  # and those after the eleventh
        ("is_turn_of_month", "2012-10-31", 1),
        ("is_turn_of_month", "2012-11-05", 1),
        ("is_turn_of_month", "2012-11-06", 0),
        ("is_half_day", "2012-11-23", 1),
        ("is_half_day", "2012-11-21", 0),
        ("sessions_since_holiday", "2012-11-23", 0),
        ("sessions_since_holiday", "2012-11-26", 1),
        ("sessions_since_holiday", "2012-10-31", 0),
        ("day_of_month", "2012-11-23", 23),
        ("sessions_since_month_start", "2012-11-05", 2),
    ],
)
def test_calendar_features_are_those_of_the_exchange(name, date, value):
    assert calendar_value(name, date) == value
