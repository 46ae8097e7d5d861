"""Event files are read the same whatever their format, and refused with one clear line."""

import pandas as pd
import pytest

from trading_pipeline.adapters.market_events import COLUMNS, NEEDED
from trading_pipeline.adapters.market_folder import MarketFolder
from trading_pipeline.contracts.errors import InputError
from trading_pipeline_tests.adapters.test_market_folder import folder, refusal

KNOWN = "2020-01-06 21:30:00+00:00"
ROWS = {
    "news": {
        "news_id": "n1",
        "symbol": "AAA",
        "published_at": "2020-01-06 21:00:00+00:00",
        "headline": "Profit beats",
    },
    "social": {"symbol": "AAA", "posted_at": "2020-01-06 21:00:00+00:00", "n_posts": 12},
    "options_flow": {"symbol": "AAA", "session_date": "2020-01-06", "call_premium_usd": 5.0},
    "etf_flows": {"symbol": "SPY", "session_date": "2020-01-06", "flow_usd": -2.5e6},
    "calendar_events": {"kind": "fomc", "scheduled_at": "2020-01-29 19:00:00+00:00"},
}
BARS = {"daily/bars.csv": "symbol,ts,close\nAAA,2020-01-06,10\n"}


def rows(kind, **changes):
    return pd.DataFrame([ROWS[kind] | {"known_at": KNOWN} | changes])


def opened(tmp_path, files, toml=None):
    return MarketFolder.open(folder(tmp_path, BARS | files, toml))


def typed(frame):
    """Return the frame with instants and dates as Parquet would hold them."""
    for column in frame:
        if column.endswith("_at"):
            frame[column] = pd.to_datetime(frame[column], utc=True)
        elif column.endswith("_date"):
            frame[column] = pd.to_datetime(frame[column]).dt.date
    return frame


@pytest.mark.parametrize("kind", COLUMNS)
def test_csv_and_parquet_read_the_same(tmp_path, kind):
    (tmp_path / "csv").mkdir()
    (tmp_path / "parquet").mkdir()
    csv = opened(tmp_path / "csv", {f"events/{kind}.csv": rows(kind)}).read_events(kind)
    parquet = opened(
        tmp_path / "parquet", {f"events/{kind}.parquet": typed(rows(kind))}
    ).read_events(kind)
    assert list(csv.columns) == [*COLUMNS[kind], "source_file"]
    pd.testing.assert_frame_equal(
        csv.drop(columns="source_file"), parquet.drop(columns="source_file")
    )
    for name, given in ROWS[kind].items():
        found = csv[name].item()
        if name.endswith("_at"):
            assert found == pd.Timestamp(given)
        elif name.endswith("_date"):
            assert found == pd.Timestamp(given)
            assert csv[name].dt.tz is None
        else:
            assert found == given
    assert csv["known_at"].item() == pd.Timestamp(KNOWN)


def test_a_folder_without_events_has_none(tmp_path):
    market = opened(tmp_path, {})
    assert [market.read_events(kind) for kind in COLUMNS] == [None] * len(COLUMNS)


def test_another_kind_of_events_is_refused_with_the_kinds_there_are(tmp_path):
    words = refusal(lambda: opened(tmp_path, {"events/tweets.csv": rows("social")}))
    assert "events/tweets.csv" in words
    assert all(kind in words for kind in COLUMNS)


@pytest.mark.parametrize("kind", COLUMNS)
def test_events_without_known_at_are_refused_with_the_remedy(tmp_path, kind):
    bare = rows(kind).drop(columns="known_at")
    words = refusal(lambda: opened(tmp_path, {f"events/{kind}.csv": bare}))
    assert f"events/{kind}.csv lacks known_at" in words
    assert "add the column" in words


@pytest.mark.parametrize(("kind", "column"), [(k, c) for k in NEEDED for c in NEEDED[k]])
def test_events_without_a_needed_column_are_refused(tmp_path, kind, column):
    words = refusal(
        lambda: opened(tmp_path, {f"events/{kind}.csv": rows(kind).drop(columns=column)})
    )
    assert f"lacks {column}" in words


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("news", {"known_at": "soon"}, ["column known_at", "'soon'"]),
        ("news", {"sentiment": "good"}, ["column sentiment", "'good'"]),
        ("etf_flows", {"flow_usd": "much"}, ["column flow_usd", "'much'"]),
        ("options_flow", {"session_date": "never"}, ["column session_date", "'never'"]),
    ],
)
def test_what_cannot_be_read_is_named_with_its_column(tmp_path, kind, changes, words):
    message = refusal(lambda: opened(tmp_path, {f"events/{kind}.csv": rows(kind, **changes)}))
    assert all(word in message for word in [f"events/{kind}.csv", *words])


def test_two_files_of_one_kind_are_refused(tmp_path):
    files = {"events/news.csv": rows("news"), "events/news.parquet": typed(rows("news"))}
    assert "keep one" in refusal(lambda: opened(tmp_path, files))


def test_a_missing_known_at_is_read_as_missing(tmp_path):
    both = pd.concat([rows("news"), rows("news", known_at="")])
    found = opened(tmp_path, {"events/news.csv": both}).read_events("news")
    assert found["known_at"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("events/news.csv", "2020-01-06"),
        ("events/news.csv", "2020-01-06 00:00:00"),
        ("events/news.csv", "2020-01-06T00:00"),
        ("events/news.parquet", pd.Timestamp("2020-01-06").date()),
        ("events/news.parquet", pd.Timestamp("2020-01-06")),
    ],
)
def test_a_known_date_counts_from_the_end_of_that_day_in_new_york(tmp_path, name, known):
    found = opened(tmp_path, {name: rows("news", known_at=known)}).read_events("news")
    assert found["known_at"].item() == pd.Timestamp("2020-01-07 05:00", tz="UTC")


def test_a_midnight_with_an_offset_is_an_instant(tmp_path):
    known = rows("news", known_at="2020-01-07 00:00:00+00:00")
    found = opened(tmp_path, {"events/news.csv": known}).read_events("news")
    assert found["known_at"].item() == pd.Timestamp("2020-01-07", tz="UTC")


def test_the_manifest_gives_the_time_zone_and_the_vendor(tmp_path):
    toml = '[files."events/news.csv"]\ntimezone = "America/New_York"\nvendor = "wire"\n'
    local = rows("news", published_at="2020-01-06 16:00:00", known_at="2020-01-06 16:30:00")
    found = opened(tmp_path, {"events/news.csv": local}, toml).read_events("news")
    assert found["published_at"].item() == pd.Timestamp("2020-01-06 21:00", tz="UTC")
    assert found["known_at"].item() == pd.Timestamp(KNOWN)
    assert found["vendor"].item() == "wire"


def test_the_fingerprint_covers_event_files(tmp_path):
    before = opened(tmp_path, {"events/news.csv": rows("news")}).fingerprint()
    after = opened(tmp_path, {"events/news.csv": rows("news", headline="Profit misses")})
    assert after.fingerprint() != before


def test_a_damaged_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"events/news.parquet cannot be read"):
        opened(tmp_path, {"events/news.parquet": "no parquet"})
