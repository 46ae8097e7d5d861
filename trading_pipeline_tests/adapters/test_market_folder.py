"""A market folder is refused with one clear line, or read the same whatever its files look like."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.adapters.market_folder import MarketFolder
from trading_pipeline.adapters.market_writer import write_market_folder
from trading_pipeline.contracts.errors import InputError

MARKET = Path(__file__).resolve().parents[3] / "shared" / "market"


def bars(symbols=("AAA", "BBB"), n=3, start="2020-01-06"):
    rows = pd.MultiIndex.from_product(
        [symbols, pd.bdate_range(start, periods=n)], names=["symbol", "ts"]
    ).to_frame(index=False)
    level = np.linspace(10, 20, len(rows))
    prices = {"open": level, "high": level + 1, "low": level - 1, "close": level}
    return rows.assign(**prices, volume=100.0)


def folder(tmp_path, files=None, toml=None):
    files = {"daily/bars.csv": bars()} if files is None else files
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        if isinstance(content, str):
            path.write_text(content)
        elif name.endswith(".csv"):
            content.to_csv(path, index=False)
        else:
            content.to_parquet(path)
    if toml is not None:
        (tmp_path / "market.toml").write_text(toml)
    return tmp_path


def refusal(act):
    with pytest.raises(InputError) as caught:
        act()
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("files", "toml", "words"),
    [
        ({"minute/x.csv": bars()}, None, ["no daily bars", "daily/"]),
        ({"daily/x.parquet": "no parquet"}, None, ["daily/x.parquet", "cannot be read", "replace"]),
        (
            {"daily/x.csv": bars().rename(columns={"symbol": "ticker"})},
            None,
            ["daily/x.csv", "ticker", "lacks symbol"],
        ),
        (
            {"daily/x.csv": bars().rename(columns={"high": "hgih"})},
            None,
            ["hgih", "lacks high"],
        ),
        (
            {"daily/x.csv": bars().astype({"close": object}).replace({"close": {20.0: "ten"}})},
            None,
            ["daily/x.csv", "column close", "row 6", "'ten'"],
        ),
        (
            {"daily/x.parquet": bars().assign(low="cheap")},
            None,
            ["daily/x.parquet", "column low", "row 1", "'cheap'"],
        ),
        ({"daily/x.csv": bars().assign(ts="soon")}, None, ["column ts", "'soon'"]),
        ({"daily/x.parquet": bars().assign(ts=5)}, None, ["column ts", "dates or times"]),
        (None, '[files."daily/y.csv"]\nvendor = "v"\n', ["daily/y.csv", "does not exist"]),
        (None, "index = 1\n", ["market.toml", "index"]),
        (None, "not toml", ["market.toml", "cannot be read"]),
        (None, '[files."daily/bars.csv"]\ninterval = "1m"\n', ["daily/bars.csv", "1d"]),
        (
            None,
            '[files."daily/bars.csv"]\nadjusted = true\nprices = "raw"\n',
            ["contradicts"],
        ),
        (
            {"daily/x.csv": bars(), "vix.csv": "ts,close\n", "vix.parquet": "x"},
            None,
            ["vix.csv and vix.parquet", "keep one"],
        ),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_in_one_line(tmp_path, files, toml, words):
    message = refusal(lambda: MarketFolder.open(folder(tmp_path, files, toml)))
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize("line", ["BBB,2020-0", "BBB,2020-01-07,11,12", "B\udcffB,2020-01-07,11"])
@pytest.mark.parametrize("n", [3, 60_000])
def test_a_line_that_breaks_a_long_or_short_csv_is_refused(tmp_path, line, n):
    text = "symbol,ts,close\n" + "AAA,2020-01-06,10\n" * n + line + "\n"
    (tmp_path / "daily").mkdir()
    (tmp_path / "daily" / "x.csv").write_bytes(text.encode(errors="surrogateescape"))
    message = refusal(lambda: MarketFolder.open(tmp_path))
    assert "daily/x.csv" in message
    assert "line" in message.lower() or "sniffing" in message


def test_a_zone_that_does_not_exist_is_refused(tmp_path):
    toml = '[files."daily/bars.csv"]\ntimezone = "Mars"\n'
    assert "'Mars' is no time zone" in refusal(
        lambda: MarketFolder.open(folder(tmp_path, None, toml))
    )


def test_a_missing_folder_is_refused(tmp_path):
    assert "does not exist" in refusal(lambda: MarketFolder.open(tmp_path / "none"))


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ((("ZZZ",), None, None), "ZZZ"),
        (((), date(2020, 2, 1), date(2020, 1, 1)), "before start"),
        (((), date(2021, 1, 1), None), "the folder holds 2020-01-06"),
    ],
)
def test_a_request_the_folder_cannot_answer_is_refused(tmp_path, request_, words):
    market = MarketFolder.open(folder(tmp_path))
    assert words in refusal(lambda: market.check(*request_))
    assert words in refusal(lambda: market.read_daily(*request_))


def test_csv_and_parquet_give_the_same_rows(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    sparse = bars().assign(volume=[1.5, np.nan, 3, 4, 5, 6])
    one = MarketFolder.open(folder(tmp_path / "a", {"daily/x.csv": sparse})).read_daily()
    two = MarketFolder.open(folder(tmp_path / "b", {"daily/x.parquet": sparse})).read_daily()
    pd.testing.assert_frame_equal(one.drop(columns="source_file"), two.drop(columns="source_file"))


def test_a_bare_folder_has_one_unknown_vendor_and_no_context(tmp_path):
    market = MarketFolder.open(folder(tmp_path, {"daily/any name.csv": bars(("AAA", "SPY"))}))
    rows = market.read_daily()
    assert set(rows["vendor"]) == {"unknown"}
    assert set(rows["prices"]) == {"total"}
    assert market.index_symbol == "SPY"
    readers = (market.read_vix, market.read_macro, market.read_sectors, market.read_universe)
    assert [reader() for reader in (*readers, market.read_corporate_actions)] == [None] * 5
    assert market.minute_relation() is None
    assert market.quote_relation() is None
    assert market.minute_span() is None


def test_the_order_of_vendors_and_files_comes_from_the_manifest(tmp_path):
    toml = """
    vendor_order = ["late", "early"]
    [files."daily/b.csv"]
    vendor = "early"
    [files."daily/a.csv"]
    vendor = "late"
    """
    files = {f"daily/{name}.csv": bars() for name in "abc"}
    rows = MarketFolder.open(folder(tmp_path, files, toml)).read_daily()
    ranks = rows.groupby("source_file", observed=True)[["vendor_rank", "file_rank"]].first()
    assert ranks.loc["daily/a.csv"].tolist() == [0, 1]
    assert ranks.loc["daily/b.csv"].tolist() == [1, 0]
    assert ranks.loc["daily/c.csv"].tolist() == [2, 2]


def test_the_index_comes_along_whatever_symbols_are_asked_for(tmp_path):
    market = MarketFolder.open(folder(tmp_path, {"daily/x.csv": bars(("AAA", "BBB", "SPY"))}))
    assert set(market.read_daily(("AAA",))["symbol"]) == {"AAA", "SPY"}


def test_dates_bound_the_rows_on_both_sides(tmp_path):
    market = MarketFolder.open(folder(tmp_path))
    rows = market.read_daily((), date(2020, 1, 7), date(2020, 1, 7))
    assert set(rows["ts"]) == {pd.Timestamp("2020-01-07")}


def test_the_fingerprint_follows_contents_and_names(tmp_path):
    market = MarketFolder.open(folder(tmp_path))
    first = market.fingerprint()
    assert MarketFolder.open(tmp_path).fingerprint() == first
    (tmp_path / "README.md").write_text("not data")
    assert MarketFolder.open(tmp_path).fingerprint() == first
    folder(tmp_path, {"daily/bars.csv": bars(n=4)})
    assert MarketFolder.open(tmp_path).fingerprint() != first


def test_a_zone_in_the_manifest_or_in_the_text_is_honoured(tmp_path):
    local = bars(("AAA",), 1).assign(ts="2020-07-06 09:30:00")
    aware = bars(("AAA",), 1).assign(ts="2020-07-06T09:30:00-04:00")
    toml = '[files."minute/local.csv"]\ntimezone = "America/New_York"\n'
    files = {"daily/x.csv": bars(), "minute/local.csv": local, "minute/aware.csv": aware}
    market = MarketFolder.open(folder(tmp_path, files, toml))
    relation = market.minute_relation()
    import duckdb

    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select distinct opens_at at time zone 'UTC' from ({relation.sql})", relation.params
        ).fetchall()
    assert rows == [(pd.Timestamp("2020-07-06 13:30").to_pydatetime(),)]


def test_coverage_follows_the_file_so_a_short_vendor_delists_nobody(tmp_path):
    files = {
        "daily/old.csv": bars(("AAA", "BBB"), n=3),
        "daily/new.csv": bars(("BBB", "CCC"), n=60),
        "daily/DDD.csv": bars(("DDD",), n=5),
        "daily/EEE.csv": bars(("EEE",), n=30),
    }
    kinds = MarketFolder.open(folder(tmp_path, files)).kinds().set_index("symbol")
    ends = {name: frame["ts"].max() for name, frame in files.items()}
    assert kinds["covered_until"].to_dict() == {
        "AAA": ends["daily/old.csv"],
        "BBB": ends["daily/new.csv"],
        "CCC": ends["daily/new.csv"],
        "DDD": ends["daily/EEE.csv"],
        "EEE": ends["daily/EEE.csv"],
    }


def test_a_written_folder_is_read_back_as_it_was(tmp_path):
    actions = pd.DataFrame(
        {
            "symbol": ["AAA"],
            "ex_date": pd.to_datetime(["2020-01-07"]),
            "action": ["split"],
            "ratio": [2.0],
            "amount_usd": [np.nan],
        }
    )
    tables = {"daily/d": bars(), "corporate_actions": actions, "minute/none": bars().iloc[:0]}
    entry = {"vendor": "made", "interval": "1d", "prices": "raw", "simulated": True}
    manifest = {
        "index_symbol": "AAA",
        "vendor_order": ["made"],
        "files": {"daily/d.parquet": entry, "minute/none.parquet": entry},
    }
    target = write_market_folder(tmp_path / "out", tables, manifest)
    market = MarketFolder.open(target)
    assert market.read_daily()["close"].tolist() == bars()["close"].tolist()
    assert market.kinds()["is_simulated"].all()
    assert market.index_symbol == "AAA"
    assert market.read_corporate_actions()["ratio"].tolist() == [2.0]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert "exists" in refusal(lambda: write_market_folder(target, tables, manifest))
    first = market.fingerprint()
    write_market_folder(target, tables, manifest, replace=True)
    assert MarketFolder.open(target).fingerprint() == first


def test_a_failed_write_leaves_nothing(tmp_path):
    unwritable = {"daily/d": bars().assign(close=[object()] * 6)}
    with pytest.raises(Exception, match="object"):
        write_market_folder(tmp_path / "out", unwritable, {"files": {}})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not MARKET.is_dir(), reason="the real market folder is not at hand")
def test_the_real_folder_is_read_as_its_manifest_says():
    market = MarketFolder.open(MARKET)
    rows = market.read_daily(("NFLX", "LII"), date(2023, 1, 1))
    assert market.index_symbol == "SPY"
    assert set(rows["symbol"]) == {"NFLX", "LII", "SPY"}
    found = rows.groupby("vendor", observed=True)["prices"].unique().map(list).to_dict()
    assert found == {"stooq": ["total"], "yahoo": ["split"]}
    assert set(rows.loc[rows["symbol"] == "SPY", "kind"]) == {"etf", "equity"}
