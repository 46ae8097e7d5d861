"""Every later number rests on cleaning: each rule is stated, none drops a row silently."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.contracts.data_config import BarsConfig
from trading_pipeline.domain.bars.clean import DAILY_COLUMNS, clean_daily
from trading_pipeline.domain.bars.quarantine import QUARANTINE_COLUMNS
from trading_pipeline.domain.bars.sessions import session_dates, session_ordinals, session_table
from trading_pipeline_tests.domain.settings_of import shipped

MARKET = Path(__file__).resolve().parents[3] / "shared" / "market"
CONFIG = shipped(BarsConfig, "bars", suspect_jump_ratio=5.0)
FIRST = int(session_ordinals(pd.DatetimeIndex(["2020-01-02"]))[0])


def delivered(closes, symbol="AAA", vendor="one", rank=0, prices="total", first=0, **columns):
    """Return raw rows of consecutive sessions; open, high and low stand at the close."""
    closes = np.asarray(closes, dtype=float)
    rows = pd.DataFrame(
        {
            "symbol": symbol,
            "ts": session_dates(np.arange(len(closes)) + FIRST + first),
            **dict.fromkeys(("open", "high", "low", "close"), closes),
            "volume": 1000.0,
            "adj_close": np.nan,
            "vwap": np.nan,
            "vendor": vendor,
            "vendor_rank": rank,
            "file_rank": rank,
            "source_file": f"daily/{vendor}.csv",
            "prices": prices,
            "missing_columns": "adj_close",
        }
    )
    return rows.assign(**columns)


def joined(*parts):
    return pd.concat(parts, ignore_index=True)


def cleaned(raw, actions=None):
    return clean_daily(raw, actions, CONFIG)


def action(ex_session, kind, ratio=np.nan, amount=np.nan, symbol="AAA"):
    date = session_dates(np.array([FIRST + ex_session]))
    return pd.DataFrame(
        {"symbol": symbol, "ex_date": date, "action": kind, "ratio": ratio, "amount_usd": amount}
    )


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("close", np.nan, "missing_price"),
        ("open", np.nan, "missing_price"),
        ("low", 0.0, "not_positive"),
        ("close", -10.0, "not_positive"),
        ("volume", -1.0, "negative_volume"),
        ("high", 9.0, "high_below_low"),
        ("close", 10.001, "close_outside_range"),
        ("open", 9.999, "open_outside_range"),
        ("ts", pd.Timestamp("2020-01-04"), "not_a_session"),
        ("ts", pd.NaT, "missing_ts"),
        ("symbol", None, "missing_symbol"),
    ],
)
def test_a_row_that_cannot_be_true_is_refused_with_its_reason(column, value, reason):
    raw = delivered([10.0, 10.0, 10.0])
    raw.loc[1, column] = value
    bars, quarantine = cleaned(raw)
    assert len(bars) == 2
    assert quarantine["reason"].tolist() == [reason]
    assert quarantine["detail"].str.len().gt(0).all()
    assert quarantine["source_file"].tolist() == ["daily/one.csv"]


def test_float_rounding_is_no_reason_to_refuse():
    raw = delivered([10.0, 10.0])
    raw.loc[1, "close"] = 10.0 * (1 + 1e-12)
    assert len(cleaned(raw)[0]) == 2


def test_a_missing_volume_is_kept_as_missing():
    bars, quarantine = cleaned(delivered([10.0, 11.0], volume=np.nan))
    assert bars["volume"].isna().all()
    assert quarantine.empty


def test_columns_a_file_does_not_have_are_missing_and_no_reason_to_refuse():
    lacking = dict.fromkeys(("open", "high", "low", "volume"), np.nan)
    raw = delivered([10.0, 11.0], missing_columns="open high low volume adj_close", **lacking)
    bars, quarantine = cleaned(raw)
    assert bars["close"].tolist() == [10.0, 11.0]
    assert bars[["open", "high", "low", "volume"]].isna().all(axis=None)
    assert quarantine.empty


def test_equal_copies_in_a_file_collapse_into_one_recorded_line():
    raw = delivered([10.0, 11.0])
    bars, quarantine = cleaned(joined(raw, raw, raw))
    assert len(bars) == 2
    assert quarantine["reason"].tolist() == ["duplicate_collapsed"]
    assert quarantine["detail"].item().startswith("4 rows")


def test_copies_in_a_file_that_disagree_are_all_refused():
    raw = delivered([10.0, 11.0, 12.0])
    other = raw.iloc[[1]].assign(volume=7.0)
    bars, quarantine = cleaned(joined(raw, other, other))
    assert bars["close"].tolist() == [10.0, 12.0]
    assert quarantine["reason"].tolist() == ["duplicate_disagrees"] * 3


def test_the_vendor_order_decides_and_the_disagreement_is_recorded():
    first, second = delivered([10.0, 11.0]), delivered([10.0, 11.5], vendor="two", rank=1)
    bars, quarantine = cleaned(joined(second, first))
    assert bars["vendor"].tolist() == ["one", "one"]
    assert bars["close"].tolist() == [10.0, 11.0]
    found = dict(zip(quarantine["reason"], quarantine["close"], strict=True))
    assert set(found) == {"vendor_disagreement", "duplicate_collapsed"}
    assert found["vendor_disagreement"] == 11.5


def test_a_refused_row_of_the_first_vendor_gives_way_to_the_second():
    first, second = delivered([10.0, np.nan]), delivered([10.0, 11.0], vendor="two", rank=1)
    bars, _ = cleaned(joined(first, second))
    assert bars["vendor"].tolist() == ["one", "two"]


def test_prices_adjusted_in_another_way_are_superseded_not_called_a_disagreement():
    first = delivered([10.0, 11.0])
    second = delivered([20.0, 22.0], vendor="two", rank=1, prices="split")
    _, quarantine = cleaned(joined(first, second))
    assert quarantine["reason"].tolist() == ["vendor_superseded"]


def test_a_tick_that_reverts_is_quarantined():
    bars, quarantine = cleaned(delivered([10.0, 10.1, 1.0, 10.2, 10.3]))
    assert bars["close"].tolist() == [10.0, 10.1, 10.2, 10.3]
    assert quarantine["reason"].tolist() == ["tick_reverted"]


def test_a_jump_the_next_session_confirms_is_kept_and_known_at_that_close():
    bars, quarantine = cleaned(delivered([10.0, 60.0, 61.0, 62.0]))
    closes = session_table()["closes_at"]
    assert bars["known_at"].tolist() == [closes[FIRST + row] for row in (0, 2, 2, 3)]
    assert quarantine.empty


def test_a_jump_in_the_last_row_is_withheld_until_the_next_session():
    bars, quarantine = cleaned(delivered([10.0, 11.0, 60.0]))
    assert bars["close"].tolist() == [10.0, 11.0]
    assert quarantine["reason"].tolist() == ["suspect_unconfirmed"]


def test_a_jump_below_the_ratio_is_an_ordinary_bar():
    bars, quarantine = cleaned(delivered([10.0, 49.9, 10.0]))
    assert len(bars) == 3
    assert quarantine.empty


def test_a_listed_split_explains_a_jump_of_raw_prices():
    raw = delivered([100.0, 101.0, 10.2, 10.3], prices="raw")
    bars, quarantine = cleaned(raw, action(2, "split", ratio=10.0))
    assert quarantine.empty
    assert bars["adj_factor"].tolist() == [1.0, 1.0, 10.0, 10.0]
    assert (bars["known_at"] == session_table()["closes_at"][bars["session"]].array).all()


def test_splits_do_not_touch_prices_the_vendor_adjusted():
    bars, _ = cleaned(delivered([10.0, 10.1]), action(1, "split", ratio=10.0))
    assert bars["adj_factor"].tolist() == [1.0, 1.0]


def test_a_dividend_makes_the_adjusted_return_the_total_return():
    raw = delivered([100.0, 98.0, 98.0], prices="raw")
    bars, _ = cleaned(raw, action(1, "dividend", amount=2.0))
    level = bars["close"] * bars["adj_factor"]
    assert level.pct_change()[1] == pytest.approx(0.0, abs=1e-12)
    assert level.pct_change()[2] == pytest.approx(0.0, abs=1e-12)


def test_a_dividend_as_large_as_the_price_is_refused():
    raw = delivered([100.0, 98.0], prices="raw")
    bars, quarantine = cleaned(raw, action(1, "dividend", amount=100.0))
    assert bars["adj_factor"].tolist() == [1.0, 1.0]
    assert quarantine["reason"].tolist() == ["dividend_exceeds_price"]


def test_adj_close_sets_the_factor():
    raw = delivered([10.0, 11.0], prices="split", missing_columns="", adj_close=[5.0, 5.5])
    assert cleaned(raw)[0]["adj_factor"].tolist() == [0.5, 0.5]


def test_vendors_without_a_common_session_leave_a_seam_that_no_jump_rule_judges():
    first = delivered([10.0, 10.1], vendor="two", rank=1)
    bars, quarantine = cleaned(joined(first, delivered([100.0, 101.0], first=2)))
    assert bars["has_vendor_seam"].tolist() == [False, False, True, False]
    assert quarantine.empty


def test_vendors_with_common_sessions_are_chained_by_the_second_vendors_returns():
    first = delivered([10.0, 11.0, 12.0])
    second = delivered([66.0, 72.0, 78.0, 84.0], first=1, vendor="two", rank=1, prices="split")
    bars, _ = cleaned(joined(first, second))
    level = bars["close"] * bars["adj_factor"]
    assert not bars["has_vendor_seam"].any()
    np.testing.assert_allclose(level, [10.0, 11.0, 12.0, 13.0, 14.0], rtol=1e-12)


def test_a_bar_start_in_utc_belongs_to_its_new_york_session():
    raw = delivered([10.0])
    bars, _ = cleaned(raw.assign(ts=[pd.Timestamp("2020-07-06 13:30")]))
    assert bars["session_date"].item() == pd.Timestamp("2020-07-06")
    late, _ = cleaned(raw.assign(ts=[pd.Timestamp("2020-07-07 01:30")]))
    assert late["session_date"].item() == pd.Timestamp("2020-07-06")


def test_a_bar_of_a_half_day_is_known_at_its_early_close():
    bars, _ = cleaned(delivered([10.0]).assign(ts=pd.Timestamp("2020-11-27")))
    assert bars["known_at"].item() == pd.Timestamp("2020-11-27 18:00", tz="UTC")


def test_nothing_delivered_is_nothing_cleaned():
    bars, quarantine = cleaned(delivered([10.0]).iloc[:0])
    assert bars.empty
    assert quarantine.empty
    assert tuple(bars.columns) == DAILY_COLUMNS
    assert tuple(quarantine.columns) == QUARANTINE_COLUMNS


prices = st.sampled_from([0.5, 1.0, 1.1, 6.0, 10.0, 11.0, 60.0, 100.0, -1.0, float("nan")])
paths = st.lists(prices, min_size=4, max_size=14)


@st.composite
def markets(draw):
    """Two symbols from two vendors that overlap in part, with ticks, gaps and real jumps."""
    parts = []
    for symbol in ("AAA", "BBB"):
        for rank, vendor in enumerate(("one", "two")):
            kind = draw(st.sampled_from(["raw", "total"]))
            part = delivered(
                draw(paths), symbol, vendor, rank, prices=kind, first=draw(st.integers(0, 12))
            )
            kept = draw(st.lists(st.booleans(), min_size=len(part), max_size=len(part)))
            parts.append(part[np.array(kept)])
    return joined(*parts)


ACTIONS = joined(
    action(5, "split", ratio=10.0),
    action(9, "dividend", amount=0.25),
    action(12, "dividend", amount=0.05, symbol="BBB"),
)


@settings(max_examples=40, deadline=None)
@given(market=markets(), cut=st.integers(1, 24))
def test_cutting_the_input_never_changes_an_earlier_bar(market, cut):
    whole, _ = cleaned(market, ACTIONS)
    cut_date = session_dates(np.array([FIRST + cut]))[0]
    before = ACTIONS[ACTIONS["ex_date"] <= cut_date]
    early, refused = cleaned(market[market["ts"] <= cut_date], before)
    closes_at = session_table()["closes_at"][FIRST + cut]
    known = whole[whole["known_at"] <= closes_at].reset_index(drop=True)
    pd.testing.assert_frame_equal(early, known)
    later = whole[(whole["session_date"] <= cut_date) & (whole["known_at"] > closes_at)]
    withheld = refused[refused["reason"] == "suspect_unconfirmed"]
    assert set(zip(later["symbol"], later["session_date"], strict=True)) <= set(
        zip(withheld["symbol"], withheld["ts"], strict=True)
    )


@settings(max_examples=40, deadline=None)
@given(market=markets(), seed=st.integers(0, 2**16))
def test_the_order_of_the_input_never_matters(market, seed):
    shuffled = market.sample(frac=1, random_state=seed)
    for one, other in zip(cleaned(market, ACTIONS), cleaned(shuffled, ACTIONS), strict=True):
        pd.testing.assert_frame_equal(one, other)


@settings(max_examples=40, deadline=None)
@given(market=markets())
def test_every_delivered_row_is_a_bar_or_stands_in_quarantine(market):
    bars, quarantine = cleaned(market)
    summed = quarantine["reason"].isin(["duplicate_collapsed", "vendor_superseded"])
    n_summed = quarantine.loc[summed, "detail"].str.extract(r"^(\d+) rows")[0].astype(int).sum()
    assert len(bars) + (~summed).sum() + n_summed == len(market)
    assert (bars["close"] > 0).all()
    assert not bars.duplicated(["symbol", "session_date"]).any()


@pytest.mark.skipif(not MARKET.is_dir(), reason="the real market folder is not at hand")
def test_the_known_ticks_of_the_real_market_are_found():
    raw = pd.read_parquet(MARKET / "daily" / "equities_stooq.parquet")
    raw = raw[raw["symbol"].isin(["LII", "NUE", "GME"])].assign(
        adj_close=np.nan,
        vwap=np.nan,
        vendor_rank=0,
        file_rank=0,
        source_file="daily/equities_stooq.parquet",
        prices="total",
        missing_columns="adj_close",
    )
    bars, quarantine = cleaned(raw)
    found = set(zip(quarantine["symbol"], quarantine["ts"].dt.date.astype(str), strict=True))
    assert {("LII", "2006-03-17"), ("NUE", "2007-01-16")} <= found
    assert len(bars) + len(quarantine) == len(raw)
    # With the range rule silenced, the jump rule alone finds both.
    flat = raw.assign(open=raw["close"], high=raw["close"], low=raw["close"])
    _, ticks = cleaned(flat)
    assert ticks.groupby("reason")["symbol"].apply(sorted).to_dict() == {
        "tick_reverted": ["LII", "NUE"]
    }


def test_a_vwap_passes_as_delivered_and_an_impossible_one_is_missing():
    bars, refused = cleaned(delivered([10.0, 11.0, 12.0], vwap=[10.5, -1.0, np.inf]))
    assert refused.empty
    assert bars["vwap"].tolist()[:1] == [10.5]
    assert bars["vwap"].isna().tolist() == [False, True, True]


def test_words_given_as_categories_give_the_same_bars():
    raw = joined(delivered([10.0, 11.0, 60.0]), delivered([5.0, 5.1], symbol="BBB", vendor="two"))
    words = ["symbol", "vendor", "source_file", "prices", "missing_columns"]
    pd.testing.assert_frame_equal(
        cleaned(raw)[0], cleaned(raw.astype(dict.fromkeys(words, "category")))[0]
    )


def test_cleaning_leaves_the_rows_it_was_given_alone():
    raw = delivered([10.0, 11.0, 12.0])
    before = raw.copy(deep=True)
    cleaned(raw)
    pd.testing.assert_frame_equal(raw, before)
