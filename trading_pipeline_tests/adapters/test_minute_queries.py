"""Minute bars never pass through pandas, so the SQL is held against pandas as its reference."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from trading_pipeline.adapters.market_folder import MarketFolder
from trading_pipeline.adapters.market_relations import SESSION_CALENDAR, composed
from trading_pipeline.domain.bars.minutes import INTERVALS_MINUTES, session_hours
from trading_pipeline.domain.bars.sessions import session_table

QUERIES = Path(__file__).resolve().parents[2] / "sql" / "queries" / "bars"
# Friday before and Monday after the clock change, and a half-day.
DATES = ("2020-03-06", "2020-03-09", "2020-11-27")


def query(name):
    return (QUERIES / f"{name}.sql").read_text()


def hours(dates=DATES):
    table = session_table().set_index("session_date")
    return table.loc[pd.to_datetime(list(dates)), ["opens_at", "closes_at"]]


def minutes(symbols=("AAA", "BBB"), dates=DATES, share=0.8, seed=7):
    """Return minute bars with holes, an hour of extended trading on both sides included."""
    rng = np.random.default_rng(seed)
    parts = []
    for opens, closes in hours(dates).itertuples(index=False):
        wide = pd.date_range(
            opens - pd.Timedelta("1h"), closes + pd.Timedelta("1h"), freq="min", inclusive="left"
        )
        for symbol in symbols:
            ts = wide[rng.random(len(wide)) < share].tz_localize(None)
            close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, len(ts))))
            open_ = close * np.exp(rng.normal(0, 1e-3, len(ts)))
            frame = {"symbol": symbol, "ts": ts, "open": open_, "close": close}
            frame |= {"high": np.maximum(open_, close) * 1.001, "volume": rng.random(len(ts)) * 900}
            parts.append(pd.DataFrame(frame | {"low": np.minimum(open_, close) * 0.999}))
    return pd.concat(parts, ignore_index=True)


def market(tmp_path, files, vendors=()):
    (tmp_path / "daily").mkdir()
    daily = pd.DataFrame({"symbol": ["AAA"], "ts": pd.to_datetime(["2020-01-06"]), "close": [1.0]})
    daily.to_parquet(tmp_path / "daily" / "d.parquet")
    toml = f"vendor_order = {list(vendors)}\n"
    for name, frame in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        frame.to_parquet(tmp_path / name)
        toml += f'[files."{name}"]\nvendor = "{Path(name).stem}"\n'
    (tmp_path / "market.toml").write_text(toml)
    return MarketFolder.open(tmp_path)


def run(folder, kind="minute", symbols=()):
    """Return (clean, quarantine) of the folder's minute bars or quotes."""
    read = folder.minute_relation if kind == "minute" else folder.quote_relation
    raw = read(symbols)
    relations = {
        f"raw_{kind}": raw.sql,
        "session_calendar": SESSION_CALENDAR,
        f"judged_{kind}": query(f"judged_{kind}"),
    }
    params = {**raw.params, "sessions": session_hours(*folder.minute_span())}
    if kind == "minute":
        params["suspect_jump_ratio"] = 5.0
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        clean, refused = (
            connection.execute(composed(query(name), relations), params).df()
            for name in (kind, f"{kind}_quarantine")
        )
    order = ["symbol", "opens_at"]
    return clean.sort_values(order, ignore_index=True), refused


def resampled(clean, threads):
    params = {"sessions": session_hours(*(pd.Timestamp(d).date() for d in (DATES[0], DATES[-1])))}
    sql = composed(query("intraday"), {"session_calendar": SESSION_CALENDAR})
    with duckdb.connect() as connection:
        connection.execute(f"set threads = {threads}")
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("create schema bars")
        connection.register("clean", clean)
        connection.execute("create table bars.minute as from clean")
        rows = connection.execute(sql, {**params, "intervals": list(INTERVALS_MINUTES)}).df()
    return rows.sort_values(["interval_minutes", "symbol", "opens_at"], ignore_index=True)


def reference(clean):
    """Return the same bars by pandas, session by session."""
    parts = []
    regular = clean[clean["is_regular"]]
    for opens, closes in hours().itertuples(index=False):
        inside = regular[regular["opens_at"].between(opens, closes, inclusive="left")]
        for minutes_ in INTERVALS_MINUTES:
            grouped = inside.set_index("opens_at").groupby("symbol")
            how = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
            bars = grouped.resample(f"{minutes_}min", origin=opens).agg(
                {**how, "session_date": "size"}
            )
            bars = bars.rename(columns={"session_date": "n_minutes"}).reset_index()
            bars = bars[bars["n_minutes"] > 0].assign(interval_minutes=minutes_)
            ends = bars["opens_at"] + pd.Timedelta(minutes=minutes_)
            parts.append(bars.assign(closes_at=ends.where(ends < closes, closes)))
    rows = pd.concat(parts)
    return rows.sort_values(["interval_minutes", "symbol", "opens_at"], ignore_index=True)


def test_intraday_bars_equal_a_resample_of_each_session(tmp_path):
    clean, _ = run(market(tmp_path, {"minute/one.parquet": minutes()}))
    got, wanted = resampled(clean, threads=1), reference(clean)
    columns = ["interval_minutes", "symbol", "open", "high", "low", "close", "n_minutes"]
    pd.testing.assert_frame_equal(got[columns], wanted[columns], check_dtype=False)
    np.testing.assert_allclose(got["volume"], wanted["volume"], rtol=1e-12)
    for name in ("opens_at", "closes_at"):
        assert (got[name] == wanted[name]).all()
    assert (got["known_at"] == got["closes_at"]).all()


def test_the_number_of_threads_changes_no_bit(tmp_path):
    clean, _ = run(market(tmp_path, {"minute/one.parquet": minutes()}))
    pd.testing.assert_frame_equal(
        resampled(clean, threads=1), resampled(clean, threads=2), check_exact=True
    )


def test_the_last_bar_of_a_half_day_is_cut_at_its_close(tmp_path):
    clean, _ = run(market(tmp_path, {"minute/one.parquet": minutes(share=1.1)}))
    bars = resampled(clean, threads=1)
    hourly = bars[(bars["interval_minutes"] == 60) & (bars["symbol"] == "AAA")]
    half = hourly[hourly["session_date"] == "2020-11-27"]
    assert half["n_minutes"].tolist() == [60, 60, 60, 30]
    assert half["closes_at"].max() == pd.Timestamp("2020-11-27 18:00", tz="UTC")
    opens = hourly.groupby("session_date")["opens_at"].min().dt.strftime("%H:%M")
    assert opens.tolist() == ["14:30", "13:30", "14:30"]


def test_regular_minutes_are_left_closed_in_the_session(tmp_path):
    clean, _ = run(market(tmp_path, {"minute/one.parquet": minutes(share=1.1)}))
    regular = clean[clean["is_regular"] & (clean["symbol"] == "AAA")]
    spans = regular.groupby("session_date")["opens_at"].agg(["min", "max"])
    expected = hours()
    assert spans["min"].tolist() == expected["opens_at"].tolist()
    assert spans["max"].tolist() == (expected["closes_at"] - pd.Timedelta("1min")).tolist()
    assert not clean["is_regular"].all()


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("close", np.nan, "missing_price"),
        ("low", 0.0, "not_positive"),
        ("volume", -1.0, "negative_volume"),
        ("high", 1.0, "high_below_low"),
        ("close", 1e6, "close_outside_range"),
        ("open", 1e6, "open_outside_range"),
        ("symbol", None, "missing_symbol"),
        ("ts", pd.NaT, "missing_ts"),
        ("ts", pd.Timestamp("2020-03-07 15:00"), "not_a_session"),
        ("ts", pd.Timestamp("2020-03-06 15:00:30"), "not_on_the_minute"),
    ],
)
def test_a_minute_that_cannot_be_true_is_refused_with_its_reason(tmp_path, column, value, reason):
    raw = minutes()
    raw.loc[50, column] = value
    clean, refused = run(market(tmp_path, {"minute/one.parquet": raw}))
    assert refused["reason"].tolist() == [reason]
    assert refused["detail"].str.len().gt(0).all()
    assert len(clean) == len(raw) - 1


def test_a_refused_copy_of_a_contested_minute_still_stands_in_quarantine(tmp_path):
    raw = minutes()
    broken = raw.iloc[[5]].assign(close=np.nan)
    both = pd.concat([raw, raw.iloc[[5]], broken], ignore_index=True)
    clean, refused = run(market(tmp_path, {"minute/one.parquet": both}))
    assert len(clean) == len(raw)
    assert sorted(refused["reason"]) == ["duplicate_collapsed", "missing_price"]


def test_copies_of_a_minute_are_settled_as_for_daily_bars(tmp_path):
    raw = minutes(("AAA",))
    late = raw.iloc[:10].assign(volume=5.0)
    late.loc[3, "close"] = late.loc[3, "close"] * 1.0005
    twice = pd.concat([raw, raw.iloc[[20]].assign(volume=7.0), raw.iloc[[30]]])
    files = {"minute/late.parquet": late, "minute/early.parquet": twice}
    clean, refused = run(market(tmp_path, files, vendors=("early", "late")))
    by_reason = refused.groupby("reason")["source_file"].agg(list).to_dict()
    assert by_reason == {
        "duplicate_collapsed": ["minute/early.parquet", "minute/late.parquet"],
        "duplicate_disagrees": ["minute/early.parquet"] * 2,
        "vendor_disagreement": ["minute/late.parquet"],
    }
    assert len(clean) == len(raw) - 1
    assert set(clean["vendor"]) == {"early"}


def jumped(closes, at="2020-03-06 15:00"):
    """Return minutes of one symbol from a time on; open, high and low stand at the close."""
    ts = pd.date_range(at, periods=len(closes), freq="min")
    prices = dict.fromkeys(("open", "high", "low", "close"), np.array(closes, dtype=float))
    return pd.DataFrame({"symbol": "AAA", "ts": ts, **prices, "volume": 5.0})


@pytest.mark.parametrize("spike", [50.0, 1.9, 600.0, 1e-3])
@pytest.mark.parametrize("place", [1, 2, 5, 8])
def test_a_lone_spike_that_reverts_at_once_is_refused(tmp_path, spike, place):
    closes = [9.8, 9.9, 10.0, 9.9, 9.8, 9.9, 10.0, 9.9, 9.8, 9.9]
    closes[place] = spike
    clean, refused = run(market(tmp_path, {"minute/one.parquet": jumped(closes)}))
    assert refused["reason"].tolist() == ["tick_reverted"]
    assert refused["close"].tolist() == [spike]
    assert len(clean) == 9
    assert (clean["known_at"] == clean["closes_at"]).all()


def test_a_jump_that_stays_is_known_when_the_next_minute_is(tmp_path):
    closes = [10.0, 10.1, 10.0, 60.0, 61.0, 60.0, 59.0]
    clean, refused = run(market(tmp_path, {"minute/one.parquet": jumped(closes)}))
    assert refused.empty
    assert clean["close"].tolist() == closes
    late = clean["known_at"] - clean["closes_at"]
    assert late.dt.total_seconds().tolist() == [0, 0, 0, 60, 0, 0, 0]
    bars = resampled(clean, threads=1)
    five = bars[bars["interval_minutes"] == 5]
    assert (five["known_at"] >= five["closes_at"]).all()


def test_a_confirmation_after_the_bar_has_closed_holds_the_bar_back(tmp_path):
    closes = [10.0, 10.1, 10.0, 10.0, 60.0, 61.0]
    clean, _ = run(market(tmp_path, {"minute/one.parquet": jumped(closes)}))
    bars = resampled(clean, threads=1)
    first = bars[bars["interval_minutes"] == 5].iloc[0]
    assert first["closes_at"] == pd.Timestamp("2020-03-06 15:05", tz="UTC")
    assert first["known_at"] == pd.Timestamp("2020-03-06 15:06", tz="UTC")


def test_a_jump_in_the_last_minute_of_a_session_is_withheld_and_no_night_counts(tmp_path):
    parts = [jumped([10.0, 10.1, 60.0]), jumped([60.0, 60.1, 60.2], "2020-03-09 15:00")]
    clean, refused = run(market(tmp_path, {"minute/one.parquet": pd.concat(parts)}))
    assert refused["reason"].tolist() == ["suspect_unconfirmed"]
    assert clean["close"].tolist() == [10.0, 10.1, 60.0, 60.1, 60.2]


@pytest.mark.parametrize("n", [4, 5, 6])
def test_cutting_the_minutes_changes_none_known_by_then(tmp_path, n):
    closes = [10.0, 10.1, 10.0, 60.0, 10.1, 10.0, 55.0, 54.0]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole, _ = run(market(tmp_path / "a", {"minute/one.parquet": jumped(closes)}))
    until, _ = run(market(tmp_path / "b", {"minute/one.parquet": jumped(closes[:n])}))
    last = pd.Timestamp("2020-03-06 15:00", tz="UTC") + pd.Timedelta(minutes=n)
    known = whole[whole["known_at"] <= last]
    pd.testing.assert_frame_equal(known.reset_index(drop=True), until)


def test_only_the_symbols_asked_for_are_read(tmp_path):
    folder = market(tmp_path, {"minute/one.parquet": minutes()})
    assert set(run(folder, symbols=("BBB",))[0]["symbol"]) == {"BBB"}


def test_crossed_and_empty_quotes_are_refused(tmp_path):
    ts = pd.date_range("2020-03-06 15:00", periods=4, freq="min")
    quotes = pd.DataFrame(
        {
            "symbol": "AAA",
            "ts": ts,
            "bid_close": [10.0, 10.0, 0.0, 10.0],
            "ask_close": [10.1, 9.9, 10.1, 10.0],
        }
    )
    clean, refused = run(market(tmp_path, {"quotes/one.parquet": quotes}), kind="quotes")
    assert clean["ask_close"].tolist() == [10.1, 10.0]
    assert clean["bid_size"].isna().all()
    assert sorted(refused["reason"]) == ["crossed", "not_positive"]
