"""Files of Stooq, Lean and Alpaca are read like the folder's own, or refused with a remedy."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.adapters.market_files import memory_connection
from trading_pipeline.adapters.market_folder import MarketFolder
from trading_pipeline.contracts.errors import InputError

ALPACA = Path(__file__).resolve().parents[3] / "shared" / "vendor_samples" / "alpaca_bars_csv"
STOOQ = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
DAILY = STOOQ + (
    "AAPL.US,D,20130102,000000,16.6,16.7,16.3,16.5,659492153.9,0\n"
    "AAPL.US,D,20130103,000000,16.4,16.5,16.2,16.3,414871237.1,0\n"
)
LEAN_DAILY = "20130102 00:00,5538800,5550000,5414900,5490100,19986600\n"
LEAN_MINUTE = (
    "34200000,5538800,5540000,5530000,5535000,1200\n34260000,5535000,5536000,5534000,5535500,300\n"
)
LEAN_QUOTES = (
    "34200000,5535000,5536000,5534000,5535500,3,5537000,5538000,5536000,5537500,4\n"
    "34260000,,,,,,5537000,5538000,5536000,5537500,2\n"
)
ALPACA_HEAD = "symbol,timestamp,open,high,low,close,volume,trade_count,vwap\n"


def put(folder, name, content):
    """Write a text, or, where the name ends in .zip, a zip of {member: text}."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, dict):
        with zipfile.ZipFile(path, "w") as archive:
            for member, text in content.items():
                archive.writestr(member, text)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def with_daily(folder):
    return put(folder, "daily/aapl.csv", "symbol,ts,close\nAAPL,2013-01-02,549.01\n")


def zipped(day="20130102", symbol="aapl", kind="trade", text=LEAN_MINUTE):
    return {f"{day}_{symbol}_minute_{kind}.csv": text}


def intraday(folder, kind="minute", **options):
    opened = MarketFolder.open(folder, **options)
    make = opened.minute_relation if kind == "minute" else opened.quote_relation
    relation = make()
    with memory_connection() as connection:
        frame = connection.execute(relation.sql, relation.params).df()
    return frame.sort_values(["symbol", "opens_at"], ignore_index=True)


def refusal(folder):
    with pytest.raises(InputError) as caught:
        MarketFolder.open(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_stooq_texts_are_daily_bars_of_total_adjusted_prices(tmp_path):
    put(tmp_path, "daily/us/aapl.us.txt", DAILY)
    other = STOOQ + "BRK-B.US,D,20130103,000000,9,9,9,9,10,0\n"
    put(tmp_path, "daily/us/brk-b.us.txt", other.replace("\n", "\r\n"))
    folder = MarketFolder.open(tmp_path)
    rows = folder.read_daily().sort_values(["symbol", "ts"], ignore_index=True)
    assert list(rows["symbol"]) == ["AAPL", "AAPL", "BRK-B"]
    assert list(rows["ts"].astype(str)) == ["2013-01-02", "2013-01-03", "2013-01-03"]
    first = rows.iloc[0]
    assert (first.open, first.high, first.low, first.close) == (16.6, 16.7, 16.3, 16.5)
    assert first.volume == 659492153.9
    assert set(rows["prices"]) == {"total"}
    assert set(rows["vendor"]) == {"stooq"}
    assert set(rows["source_file"]) == {"daily/*.txt"}
    # Total-adjusted by another way: the manifest overrides what the form implies.
    put(tmp_path, "market.toml", '[files."daily/*.txt"]\nvendor = "mine"\nprices = "raw"\n')
    rows = MarketFolder.open(tmp_path).read_daily()
    assert (set(rows["prices"]), set(rows["vendor"])) == ({"raw"}, {"mine"})
    put(tmp_path, "market.toml", '[files."daily/*.txt"]\nadjusted = true\nvendor = "v"\n')
    assert set(MarketFolder.open(tmp_path).read_daily()["prices"]) == {"total"}
    put(tmp_path, "market.toml", '[files."daily/*.txt"]\nadjusted = false\n')
    assert set(MarketFolder.open(tmp_path).read_daily()["prices"]) == {"raw"}


def test_stooq_minutes_need_the_zone_their_times_are_in(tmp_path):
    line = "AAPL.US,1,20130102,153000,554,555,553,554.5,100,0\n"
    with_daily(put(tmp_path, "minute/aapl.us.txt", STOOQ + line))
    assert "timezone" in refusal(tmp_path)
    put(tmp_path, "market.toml", '[files."minute/*.txt"]\ntimezone = "Europe/Warsaw"\n')
    assert str(intraday(tmp_path)["opens_at"][0]) == "2013-01-02 14:30:00+00:00"
    put(tmp_path, "market.toml", '[files."minute/*.txt"]\ntimezone = "America/New_York"\n')
    assert str(intraday(tmp_path)["opens_at"][0]) == "2013-01-02 20:30:00+00:00"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("minute/a.txt", STOOQ + "AAPL.US,5,20130102,153500,1,1,1,1,1,0\n", ["AAPL.US", "'5'"]),
        ("daily/a.txt", STOOQ + "AAPL.US,60,20130102,160000,1,1,1,1,1,0\n", ["'60'", "takes 'D'"]),
        ("daily/a.txt", STOOQ + "AAPL.US,D,20130102\n", ["cannot be read as Stooq", "replace"]),
        ("daily/a.txt", DAILY.replace("1,0\n", "1,0,7\n"), ["cannot be read as Stooq", "a.txt"]),
        ("daily/a.txt", "Date,Open,High\n2013-01-02,1,1\n", ["daily/a.txt", "no Stooq text"]),
        ("daily/README.txt", "what this is\n", ["daily/README.txt", "move it out"]),
        ("daily/a.txt", DAILY.replace("16.7", "high"), ["daily/*.txt", "'high'"]),
        ("daily/a.txt", DAILY.replace("20130103", "20131303"), ["daily/*.txt", "'2013-13-03'"]),
        ("quotes/a.txt", DAILY, ["no quotes"]),
    ],
)
def test_a_text_that_is_no_stooq_file_of_its_place_is_refused(tmp_path, name, text, words):
    message = refusal(with_daily(put(tmp_path, name, text)))
    assert all(word in message for word in words), message


def test_lean_daily_zips_are_raw_bars_in_dollars(tmp_path):
    put(tmp_path, "daily/aapl.zip", {"aapl.csv": LEAN_DAILY})
    put(tmp_path, "daily/ibm.zip", {"ibm.csv": LEAN_DAILY.replace("20130102", "20130103")})
    rows = MarketFolder.open(tmp_path).read_daily().sort_values("symbol", ignore_index=True)
    assert list(rows["symbol"]) == ["AAPL", "IBM"]
    assert list(rows["ts"].astype(str)) == ["2013-01-02", "2013-01-03"]
    first = rows.iloc[0]
    assert (first.open, first.high, first.low, first.close) == (553.88, 555.0, 541.49, 549.01)
    assert first.volume == 19986600
    assert set(rows["prices"]) == {"raw"}


def test_lean_minutes_count_from_new_york_midnight_on_both_sides_of_the_clock_change(tmp_path):
    with_daily(tmp_path)
    put(tmp_path, "minute/aapl/20130308_trade.zip", zipped("20130308"))
    put(tmp_path, "minute/aapl/20130311_trade.zip", zipped("20130311"))
    put(tmp_path, "minute/20130311_trade.zip", zipped("20130311", "ibm"))
    rows = intraday(tmp_path)
    assert list(rows["symbol"]) == ["AAPL"] * 4 + ["IBM"] * 2
    assert [str(at) for at in rows["opens_at"]][::2] == [
        "2013-03-08 14:30:00+00:00",
        "2013-03-11 13:30:00+00:00",
        "2013-03-11 13:30:00+00:00",
    ]
    assert list(rows.loc[0, ["open", "high", "low", "close", "volume"]]) == [
        553.88, 554.0, 553.0, 553.5, 1200.0,
    ]  # fmt: skip
    assert set(rows["vendor"]) == {"lean"}


def test_lean_quotes_keep_a_missing_side_missing(tmp_path):
    with_daily(tmp_path)
    put(tmp_path, "quotes/aapl/20130102_quote.zip", zipped(kind="quote", text=LEAN_QUOTES))
    rows = intraday(tmp_path, "quotes")
    names = ["bid_close", "ask_close", "bid_size", "ask_size"]
    assert list(rows.loc[0, names]) == [553.55, 553.75, 3, 4]
    assert rows.loc[1, ["bid_close", "bid_size"]].isna().all()
    assert list(rows.loc[1, ["ask_close", "ask_size"]]) == [553.75, 2]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("daily/aapl.zip", b"no zip", ["daily/aapl.zip", "cannot be read as a zip"]),
        ("daily/aapl.zip", {}, ["holds 0 files"]),
        ("daily/aapl.zip", {"a.csv": "x", "b.csv": "y"}, ["holds 2 files"]),
        ("daily/aapl.zip", {"aapl.csv": ""}, ["daily/aapl.zip", "aapl.csv"]),
        ("daily/aapl.zip", {"aapl.csv": "20130102 16:00,1,1,1,1,1\n"}, ["no Lean daily text"]),
        ("daily/aapl.zip", {"aapl.csv": "20130102 00:00,1,1,1,1\n"}, ["5 columns, not 6"]),
        ("daily/aapl.zip", {"aapl.csv": LEAN_DAILY + "20130103 00:00,x,1,1,1,1\n"}, ["'x'"]),
        ("daily/aapl.zip", {"aapl.csv": LEAN_DAILY + ",1,1,1,1,1\n"}, ["a line without time"]),
        ("daily/aapl.zip", {"aapl.csv": LEAN_DAILY + "1,1,1,1,1,1,1,1\n"}, ["no Lean daily"]),
        ("minute/20130102_trade.zip", zipped("20130103"), ["another day or symbol"]),
        ("minute/ibm/20130102_trade.zip", zipped(), ["another day or symbol"]),
        ("minute/aapl/20130102_trade.zip", zipped(kind="quote"), ["_minute_trade.csv"]),
        ("minute/aapl.zip", zipped(), ["_minute_trade.csv"]),
        ("minute/aapl/20130102_trade.zip", zipped(text="soon,1,1,1,1,1\n"), ["no Lean minute"]),
        (
            "minute/aapl/20130310_trade.zip",
            zipped("20130310", text="9000000,1,1,1,1,1\n"),
            ["Lean"],
        ),
    ],
)
def test_a_zip_that_is_none_of_leans_is_refused(tmp_path, name, content, words):
    message = refusal(with_daily(put(tmp_path, name, content)))
    assert all(word in message for word in words), message


def test_a_damaged_zip_is_refused(tmp_path):
    put(tmp_path, "daily/aapl.zip", {"aapl.csv": LEAN_DAILY * 50})
    path = tmp_path / "daily/aapl.zip"
    body = path.read_bytes()
    path.write_bytes(body[:60] + b"\x00\x01\x02" + body[63:])
    assert "daily/aapl.zip" in refusal(tmp_path)


def test_zips_are_converted_once_into_the_folder_given(tmp_path):
    market, made = tmp_path / "market", tmp_path / "made"
    with_daily(put(market, "minute/aapl/20130102_trade.zip", zipped()))
    first = intraday(market, conversions=made)
    (parquet,) = made.iterdir()
    written = parquet.stat().st_mtime_ns
    pd.testing.assert_frame_equal(intraday(market, conversions=made), first)
    assert parquet.stat().st_mtime_ns == written
    put(market, "minute/aapl/20130103_trade.zip", zipped("20130103"))
    assert len(intraday(market, conversions=made)) == 4
    assert not list(market.rglob("*.parquet"))


def test_without_a_folder_conversions_last_as_long_as_the_market_is_open(tmp_path):
    with_daily(put(tmp_path, "minute/aapl/20130102_trade.zip", zipped()))
    opened = MarketFolder.open(tmp_path)
    made = opened._conversions.folder
    assert list(made.iterdir())
    assert opened.minute_span() is not None
    del opened
    assert not made.exists()


@pytest.mark.parametrize("name", ["minute/aapl/20130102_trade.zip", "daily/us/aapl.us.txt"])
def test_the_fingerprint_is_of_the_files_as_they_were_given(tmp_path, name):
    with_daily(put(tmp_path, "minute/aapl/20130102_trade.zip", zipped()))
    put(tmp_path, "daily/us/aapl.us.txt", DAILY)
    before = MarketFolder.open(tmp_path).fingerprint()
    assert MarketFolder.open(tmp_path).fingerprint() == before
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path, copy, ignore=shutil.ignore_patterns("copy"))
    assert MarketFolder.open(copy).fingerprint() == before
    changed = zipped(text=LEAN_MINUTE.replace("1200", "1201"))
    put(copy, name, changed if name.endswith("zip") else DAILY.replace("16.7", "16.8"))
    assert MarketFolder.open(copy).fingerprint() != before
    (copy / name).rename(copy / name.replace("aapl.us", "b").replace("20130102", "20130102_"))
    if name.endswith("txt"):
        assert MarketFolder.open(copy).fingerprint() != before


def alpaca(n=60, step=1, head=ALPACA_HEAD):
    at = pd.date_range("2024-07-01 12:00", periods=n, freq=f"{step}min", tz="UTC")
    lines = [
        f"SPY,{t},{i + 10},{i + 11},{i + 9},{i + 10},100,5,{i + 10}.5" for i, t in enumerate(at)
    ]
    return head + "\n".join(lines) + "\n"


def test_alpaca_minutes_are_read_with_their_extended_hours(tmp_path):
    with_daily(put(tmp_path, "minute/SPY.csv", alpaca()))
    rows = intraday(tmp_path)
    # 08:00 New York, before the opening: bars outside the session are kept, and marked later.
    assert str(rows["opens_at"][0]) == "2024-07-01 12:00:00+00:00"
    assert len(rows) == 60
    assert set(rows["vendor"]) == {"alpaca"}


def test_alpaca_daily_bars_are_raw_and_carry_their_vwap(tmp_path):
    line = "SPY,2024-07-01 04:00:00+00:00,545,546,543,545.3,40297812,442314,545.1\n"
    put(tmp_path, "daily/SPY.csv", ALPACA_HEAD + line)
    row = MarketFolder.open(tmp_path).read_daily().iloc[0]
    assert (str(row.ts.date()), row.close, row.vwap) == ("2024-07-01", 545.3, 545.1)
    assert (row.prices, row.vendor) == ("raw", "alpaca")


@pytest.mark.parametrize("step", [2, 5, 15, 60, 1440])
@pytest.mark.parametrize("head", [ALPACA_HEAD, ALPACA_HEAD.replace("timestamp", "ts")])
def test_bars_of_more_than_a_minute_are_never_taken_for_minutes(tmp_path, step, head):
    message = refusal(with_daily(put(tmp_path, "minute/SPY.csv", alpaca(60, step, head))))
    assert f"{step} minutes apart" in message
    assert "minute/SPY.csv" in message


@pytest.mark.parametrize("name", ["SPY_5min.csv", "TSLA_5min.csv"])
def test_the_five_minute_samples_are_refused_as_minutes(tmp_path, name):
    if not ALPACA.exists():
        pytest.skip("needs ../shared/vendor_samples/alpaca_bars_csv")
    put(tmp_path, f"minute/{name}", (ALPACA / name).read_bytes())
    assert "5 minutes apart" in refusal(with_daily(tmp_path))


def test_a_sparse_minute_file_is_no_coarse_one(tmp_path):
    at = pd.Timestamp("2024-07-01 13:30") + pd.to_timedelta(
        np.random.default_rng(3).choice(390, 30, replace=False), unit="min"
    )
    sparse = pd.DataFrame({"symbol": "SPY", "ts": at, "open": 1, "high": 1, "low": 1, "close": 1})
    put(tmp_path, "minute/sparse.csv", sparse.to_csv(index=False))
    few = sparse.head(5).assign(ts=pd.date_range("2024-07-02 13:30", periods=5, freq="5min"))
    put(tmp_path, "minute/few.csv", few.to_csv(index=False))
    assert len(intraday(with_daily(tmp_path))) == 35
