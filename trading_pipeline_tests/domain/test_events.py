"""Each event stands once, from when it was known; what does not stand says why."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.adapters.table_contract import table_contracts
from trading_pipeline.contracts.vocabulary import PROVENANCE_COLUMNS
from trading_pipeline.domain.bars.events import (
    CLEANERS,
    clean_calendar_events,
    clean_etf_flows,
    clean_news,
    clean_options_flow,
    clean_social,
)
from trading_pipeline.domain.bars.quarantine import QUARANTINE_COLUMNS
from trading_pipeline.domain.bars.sentiment import VaderScorer, with_sentiment

MONDAY = "2020-01-06"
CLOSE = "2020-01-06 21:00"
TEXTS = {"symbol", "news_id", "headline", "summary", "source", "vendor", "platform", "post_id"}
TEXTS |= {"text", "kind", "event_id"}
COLUMNS = {
    "news": ["news_id", "symbol", "published_at", "headline", "summary", "source", "vendor"],
    "social": ["post_id", "symbol", "posted_at", "platform", "n_posts", "text"],
    "options_flow": ["symbol", "session_date", "call_volume", "put_volume", "call_premium_usd"],
    "etf_flows": ["symbol", "session_date", "flow_usd"],
    "calendar_events": ["event_id", "kind", "symbol", "scheduled_at"],
}
MORE = {
    "news": ["sentiment"],
    "social": ["sentiment"],
    "options_flow": ["put_premium_usd", "imbalance"],
    "etf_flows": [],
    "calendar_events": [],
}


class LengthScorer:
    """Scores a text by its length, so that a test can tell who scored."""

    model = "length-1"

    def score(self, texts):
        return np.array([min(len(text), 100) / 100 for text in texts])


def columns_of(kind):
    """Return the columns a table of the contract wants from its frame."""
    columns = table_contracts()[f"bars.{kind}"].columns
    return [column.name for column in columns if column.name not in PROVENANCE_COLUMNS]


def raw(kind, *rows):
    """Return delivered rows of a kind; what a row leaves out is missing."""
    columns = [*COLUMNS[kind], *MORE[kind], "known_at"]
    frame = pd.DataFrame(rows, columns=columns).assign(source_file=f"events/{kind}.csv")
    for column in columns:
        if column.endswith("_at"):
            frame[column] = pd.to_datetime(frame[column], utc=True).astype("datetime64[ns, UTC]")
        elif column == "session_date":
            frame[column] = pd.to_datetime(frame[column]).astype("datetime64[ns]")
        elif column in TEXTS:
            frame[column] = frame[column].astype(object).where(frame[column].notna(), None)
        else:
            frame[column] = frame[column].astype("float64")
    return frame


def item(**changes):
    row = {"news_id": "n1", "symbol": "AAA", "published_at": "2020-01-06 14:00"}
    return row | {"headline": "Profit beats", "known_at": "2020-01-06 14:01"} | changes


def post(**changes):
    row = {"post_id": "p1", "symbol": "AAA", "posted_at": "2020-01-06 14:00", "text": "to the moon"}
    return row | {"known_at": "2020-01-06 14:01"} | changes


def flow(**changes):
    row = {"symbol": "AAA", "session_date": MONDAY, "known_at": CLOSE}
    return row | {"call_premium_usd": 300.0, "put_premium_usd": 100.0} | changes


def fund(**changes):
    return {"symbol": "SPY", "session_date": MONDAY, "flow_usd": 1e6, "known_at": CLOSE} | changes


def event(**changes):
    row = {"event_id": "e1", "kind": "fomc", "scheduled_at": "2020-01-29 19:00"}
    return row | {"known_at": "2019-06-01 12:00"} | changes


SOUND = {
    "news": item,
    "social": post,
    "options_flow": flow,
    "etf_flows": fund,
    "calendar_events": event,
}


@pytest.mark.parametrize("kind", CLEANERS)
def test_a_sound_row_stands_in_the_columns_of_its_table(kind):
    table, refused = CLEANERS[kind](raw(kind, SOUND[kind]()))
    assert len(table) == 1
    assert list(table.columns) == columns_of(kind)
    assert refused.empty
    assert list(refused.columns) == list(QUARANTINE_COLUMNS)


@pytest.mark.parametrize("kind", CLEANERS)
def test_no_rows_make_an_empty_table(kind):
    table, refused = CLEANERS[kind](raw(kind))
    assert list(table.columns) == columns_of(kind)
    assert table.empty
    assert refused.empty


@pytest.mark.parametrize(
    ("kind", "row", "reason"),
    [
        ("news", item(known_at=None), "missing_known_at"),
        ("news", item(known_at="2020-01-06 13:59"), "known_early"),
        ("news", item(published_at=None), "missing_value"),
        ("news", item(headline=None), "missing_value"),
        ("news", item(sentiment=1.01), "out_of_range"),
        ("social", post(known_at=None), "missing_known_at"),
        ("social", post(known_at="2020-01-06 13:59"), "known_early"),
        ("social", post(symbol=None), "missing_value"),
        ("social", post(text=None), "missing_value"),
        ("social", post(n_posts=0), "not_a_count"),
        ("social", post(n_posts=1.5), "not_a_count"),
        ("social", post(sentiment=-2), "out_of_range"),
        ("options_flow", flow(known_at=None), "missing_known_at"),
        ("options_flow", flow(known_at="2020-01-06 20:59"), "known_early"),
        ("options_flow", flow(session_date="2020-01-05"), "not_a_session"),
        ("options_flow", flow(session_date=None), "missing_value"),
        ("options_flow", flow(put_premium_usd=-1.0), "negative_value"),
        ("options_flow", flow(put_premium_usd=None), "missing_value"),
        ("options_flow", flow(put_premium_usd=0.0, call_premium_usd=0.0), "missing_value"),
        ("options_flow", flow(put_premium_usd=None, imbalance=1.2), "out_of_range"),
        ("etf_flows", fund(known_at="2020-01-06 20:59"), "known_early"),
        ("etf_flows", fund(flow_usd=None), "missing_value"),
        ("etf_flows", fund(flow_usd=np.inf), "missing_value"),
        ("etf_flows", fund(symbol=None), "missing_value"),
        ("calendar_events", event(known_at=None), "missing_known_at"),
        ("calendar_events", event(scheduled_at=None), "missing_value"),
        ("calendar_events", event(kind="party"), "unknown_kind"),
        ("calendar_events", event(kind=None), "unknown_kind"),
        ("calendar_events", event(kind="earnings"), "missing_value"),
        ("calendar_events", event(symbol="AAA"), "unexpected_symbol"),
    ],
)
def test_an_impossible_row_is_refused_with_its_reason(kind, row, reason):
    sound = SOUND[kind]()
    table, refused = CLEANERS[kind](raw(kind, sound, row | {"symbol": row.get("symbol")}))
    assert len(table) == 1
    assert refused["reason"].tolist() == [reason]
    assert refused["target"].tolist() == [f"bars.{kind}"]
    assert refused["source_file"].tolist() == [f"events/{kind}.csv"]
    assert refused["detail"].str.len().min() > 0


def test_a_symbol_without_bars_stays():
    table, refused = clean_news(raw("news", item(symbol="NOBODY"), item(symbol=None)))
    assert table["symbol"].tolist() == ["NOBODY", None]
    assert refused.empty


def test_an_item_counts_once_in_the_version_known_first():
    rows = raw(
        "news",
        item(headline="Profit misses", known_at="2020-01-06 15:00"),
        item(),
        item(),
        item(symbol="BBB"),
        item(vendor="other"),
    )
    table, refused = clean_news(rows)
    assert table[["symbol", "vendor", "headline"]].to_numpy().tolist() == [
        ["AAA", "other", "Profit beats"],
        ["AAA", "unknown", "Profit beats"],
        ["BBB", "unknown", "Profit beats"],
    ]
    assert sorted(refused["reason"]) == ["duplicate_collapsed", "later_version"]


def test_two_wordings_of_one_moment_are_both_refused():
    table, refused = clean_news(raw("news", item(), item(headline="Profit misses")))
    assert table.empty
    assert refused["reason"].tolist() == ["duplicate_disagrees"] * 2


def test_items_without_an_id_are_told_apart_by_source_instant_and_headline():
    rows = raw("news", *(item(news_id=None, headline=text) for text in ("a", "b", "a")))
    table, refused = clean_news(rows)
    assert table["news_id"].nunique() == 2
    assert refused["reason"].tolist() == ["duplicate_collapsed"]


def test_a_count_of_posts_needs_no_text_and_a_text_is_one_post():
    counted = post(post_id=None, text=None, n_posts=40, sentiment=0.2)
    unscored = post(post_id="p2", text=None, n_posts=7)
    table, refused = clean_social(raw("social", post(), counted, unscored))
    assert refused.empty
    found = table.set_index("n_posts")
    assert found.loc[40, "sentiment_model"] == "given"
    assert found.loc[1, "sentiment_model"].startswith("vader-")
    assert np.isnan(found.loc[7, "sentiment"])
    assert found.loc[7, "sentiment_model"] is None


def test_imbalance_is_that_of_the_premiums_and_else_the_given_one():
    rows = raw(
        "options_flow",
        flow(imbalance=-0.9),
        flow(symbol="BBB", put_premium_usd=None, imbalance=-0.9),
        flow(symbol="CCC", put_premium_usd=0.0),
    )
    table, refused = clean_options_flow(rows)
    assert table["imbalance"].tolist() == [0.5, -0.9, 1.0]
    assert refused.empty


def test_flows_known_later_are_vintages_and_stay():
    later = {"known_at": "2020-01-08 12:00"}
    table, refused = clean_etf_flows(raw("etf_flows", fund(**later, flow_usd=2e6), fund(), fund()))
    assert table["flow_usd"].tolist() == [1e6, 2e6]
    assert refused["reason"].tolist() == ["duplicate_collapsed"]


def test_a_half_day_flow_may_be_known_after_one():
    half = {"session_date": "2020-11-27", "known_at": "2020-11-27 18:00"}
    assert len(clean_etf_flows(raw("etf_flows", fund(**half)))[0]) == 1


def test_versions_of_a_schedule_stay_and_an_event_without_id_is_named_by_its_date():
    moved = event(scheduled_at="2020-01-30 19:00", known_at="2019-12-01 12:00")
    nameless = event(event_id=None, kind="Earnings", symbol="AAA", scheduled_at="2020-01-29 01:00")
    table, refused = clean_calendar_events(raw("calendar_events", event(), moved, nameless))
    assert sorted(table["event_id"]) == ["e1", "e1", "earnings:AAA:2020-01-28"]
    assert refused.empty


def test_headlines_are_scored_by_a_lexicon_the_same_each_time():
    scorer = VaderScorer()
    texts = ["Great profit, shares surge", "Terrible loss, shares crash", "Shares trade"]
    scores = scorer.score(texts)
    assert scores[0] > 0.3
    assert scores[1] < -0.3
    assert scores[2] > scores[1]
    assert (scorer.score(texts) == VaderScorer().score(texts)).all()
    assert scorer.model == "vader-3.3.2"


def test_a_given_sentiment_is_kept_and_another_scorer_can_be_plugged_in():
    rows = raw("news", item(sentiment=-0.25), item(news_id="n2", headline="x" * 30))
    table, _ = clean_news(rows, LengthScorer())
    assert table["sentiment"].tolist() == [-0.25, 0.3]
    assert table["sentiment_model"].tolist() == ["given", "length-1"]


def test_a_scorer_out_of_bounds_is_held_to_the_range():
    class Loud(LengthScorer):
        def score(self, texts):
            return np.full(len(texts), 7.0)

    rows = pd.DataFrame({"sentiment": [np.nan], "text": ["a"]})
    assert with_sentiment(rows, "text", Loud())["sentiment"].tolist() == [1.0]


versions = st.lists(
    st.tuples(
        st.sampled_from(["n1", "n2", None]),
        st.sampled_from(["AAA", "BBB", None]),
        st.sampled_from(["good", "bad", None]),
        st.sampled_from(["2020-01-06 13:00", "2020-01-06 14:00", "2020-01-06 15:00", None]),
    ),
    max_size=12,
)


@settings(max_examples=25)
@given(rows=versions, order=st.randoms(use_true_random=False))
def test_every_row_stands_or_is_refused_whatever_the_order_of_the_file(rows, order):
    items = [
        item(news_id=news_id, symbol=symbol, headline=headline, known_at=known)
        for news_id, symbol, headline, known in rows
    ]
    table, refused = clean_news(raw("news", *items), LengthScorer())
    assert len(table) + len(refused) == len(items)
    assert not table.duplicated(["vendor", "news_id", "symbol"]).any()
    assert (table["known_at"] >= table["published_at"]).all()
    order.shuffle(items)
    again, refused_again = clean_news(raw("news", *items), LengthScorer())
    pd.testing.assert_frame_equal(again, table)
    pd.testing.assert_frame_equal(refused_again, refused)


@settings(max_examples=25)
@given(rows=versions, hour=st.integers(12, 16))
def test_what_is_known_later_never_changes_what_stood_before(rows, hour):
    items = [
        item(news_id=news_id, symbol=symbol, headline=headline, known_at=known)
        for news_id, symbol, headline, known in rows
        if known is not None
    ]
    as_of = pd.Timestamp(f"2020-01-06 {hour}:30", tz="UTC")
    whole = clean_news(raw("news", *items), LengthScorer())[0]
    cut = raw("news", *items)
    cut = cut[cut["known_at"] <= as_of]
    part = clean_news(cut, LengthScorer())[0]
    before = whole[whole["known_at"] <= as_of].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, before, check_dtype=False)
