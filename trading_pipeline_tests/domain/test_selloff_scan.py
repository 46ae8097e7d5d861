"""Falls and features are the same bar by bar, by the day and in history, and know no future."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.selloffs.history import HistoryScan, find_events, session_context
from trading_pipeline.domain.selloffs.session_scan import EVENT_COLUMNS, SCAN_COLUMNS, SessionScan
from trading_pipeline_tests.domain.selloffs_market import (
    MINUTE,
    SPLIT_DAY,
    SYMBOLS,
    book_of,
    grids_of,
    made_minutes,
    made_tables,
    selloffs_config,
)
from trading_pipeline_tests.domain.selloffs_reference import find_events as reference_events

CONFIG = selloffs_config(rungs=[0.01, 0.02, 0.03, 0.05])
LAST = pd.Timestamp("2023-07-14")


@pytest.fixture(scope="module")
def market():
    minutes = made_minutes()
    return minutes, made_tables(minutes)


@pytest.fixture(scope="module")
def batch(market):
    minutes, tables = market
    return HistoryScan(book_of(tables, CONFIG), CONFIG).scan(grids_of(minutes))


def scan_of(day, minutes, tables):
    """Return the live scan of a session, built from what precedes it alone."""
    known = minutes[minutes["session_date"] < day]
    facts = tables.minute_sessions[tables.minute_sessions["session_date"] < day]
    session = int(session_table().loc[session_table()["session_date"].eq(day), "session"].iloc[0])
    tables = replace(
        tables, minute_sessions=facts, daily=tables.daily[tables.daily["session"] < session]
    )
    recent = sorted(known["session_date"].unique())[-CONFIG.volume_curve_sessions :]
    before = grids_of(known[known["session_date"].isin(recent)])
    context = session_context(book_of(tables, CONFIG), day, before)
    return SessionScan(day, context, CONFIG)


def of_day(frame, day):
    return frame[frame["session_date"] == day].reset_index(drop=True)


@pytest.mark.parametrize("day", ["2023-07-03", "2023-07-10", "2023-07-14"])
def test_bar_by_bar_and_the_day_at_once_are_history_bit_for_bit(market, batch, day):
    minutes, tables = market
    day = pd.Timestamp(day)
    bars = minutes[minutes["session_date"] == day]
    whole = scan_of(day, minutes, tables).advance(bars.sample(frac=1, random_state=1))
    scan = scan_of(day, minutes, tables)
    parts = [scan.advance(now) for _, now in bars.groupby("opens_at")]
    stepped = pd.concat([part for part in parts if len(part)], ignore_index=True)
    assert len(whole) >= 2
    assert list(whole.columns) == list(SCAN_COLUMNS)
    pd.testing.assert_frame_equal(whole, of_day(batch, day), check_exact=True)
    pd.testing.assert_frame_equal(stepped, whole, check_exact=True)


def test_an_event_is_given_once_however_often_its_bars_come(market):
    minutes, tables = market
    bars = minutes[minutes["session_date"] == LAST]
    scan = scan_of(LAST, minutes, tables)
    assert len(scan.advance(bars)) > 0
    assert scan.advance(bars).empty


def test_a_late_bar_is_entered_at_its_minute_and_takes_nothing_back(market):
    minutes, tables = market
    bars = minutes[minutes["session_date"] == LAST]
    whole = scan_of(LAST, minutes, tables).advance(bars)
    first = whole.iloc[0]
    is_late = (bars["symbol"] == first["symbol"]) & (bars["closes_at"] == first["detected_at"])
    scan = scan_of(LAST, minutes, tables)
    early = scan.advance(bars[~is_late])
    late = scan.advance(bars[is_late])
    told = pd.concat([early, late])[["symbol", "rung"]]
    assert not told.duplicated().any()
    assert sorted(map(tuple, told.to_numpy())) == sorted(
        map(tuple, whole[["symbol", "rung"]].to_numpy())
    )


def test_events_alone_need_no_context_and_equal_the_reference(market, batch):
    minutes, _ = market
    is_equity = np.array([name != "SPY" for name in SYMBOLS])
    found = find_events(grids_of(minutes), np.array(SYMBOLS, dtype=object), is_equity, CONFIG)
    pd.testing.assert_frame_equal(found, batch[list(EVENT_COLUMNS)], check_exact=True)
    wanted = reference_events(minutes[minutes["symbol"] != "SPY"], CONFIG.rungs)
    ordered = found.sort_values(["symbol", "session_date", "rung"], ignore_index=True)
    pd.testing.assert_frame_equal(ordered[wanted.columns], wanted)


def test_the_order_of_rows_changes_nothing(market, batch):
    minutes, tables = market
    mixed = {name: table.sample(frac=1, random_state=2) for name, table in vars(tables).items()}
    book = book_of(replace(tables, **mixed), CONFIG, tuple(reversed(SYMBOLS)))
    again = HistoryScan(book, CONFIG).scan(grids_of(minutes.sample(frac=1, random_state=4)))
    pd.testing.assert_frame_equal(again, batch, check_exact=True)


def test_the_index_is_context_and_never_falls(batch):
    assert "SPY" not in set(batch["symbol"])
    assert batch["index_change_today_frac"].notna().mean() > 0.9


def noisy(frame, rng, columns):
    """Return rows with other prices, none of them impossible."""
    factor = np.exp(rng.normal(0, 0.3, len(frame)))
    return frame.assign(**{name: frame[name] * factor for name in columns})


@pytest.mark.parametrize("seed", range(6))
def test_what_is_not_known_at_the_cut_changes_no_feature(market, batch, seed):
    minutes, tables = market
    rng = np.random.default_rng(seed)
    days = sorted(minutes["session_date"].unique())
    # The day before the split, the half-day and days by chance; any minute of them.
    day = [pd.Timestamp("2023-07-07"), pd.Timestamp("2023-07-03"), *rng.permutation(days)][seed]
    row = session_table().set_index("session_date").loc[pd.Timestamp(day)]
    cut = row["opens_at"] + int(rng.integers(20, 200)) * MINUTE
    expected = batch[batch["detected_at"] <= cut].reset_index(drop=True)
    assert len(expected) > 0 or day == days[0]
    known = minutes[minutes["closes_at"] <= cut]
    later = minutes[minutes["closes_at"] > cut]
    garbled = noisy(later, rng, ("open", "high", "low", "close", "volume"))
    closed = tables.minute_sessions["session_date"] < pd.Timestamp(day)
    facts = tables.minute_sessions
    cut_tables = replace(
        tables,
        minute_sessions=facts[closed],
        daily=tables.daily[tables.daily["known_at"] <= cut],
        vix=tables.vix[tables.vix["known_at"] <= cut],
        actions=tables.actions[tables.actions["known_at"] <= cut],
        quotes=tables.quotes[tables.quotes["session_date"] < pd.Timestamp(day)],
    )
    unknown = tables.daily["known_at"] > cut
    noise_tables = replace(
        tables,
        minute_sessions=pd.concat(
            [facts[closed], noisy(facts[~closed], rng, ("close", "high", "low", "traded_usd"))]
        ),
        daily=pd.concat(
            [tables.daily[~unknown], noisy(tables.daily[unknown], rng, ("close", "high", "low"))]
        ),
        vix=tables.vix.assign(close=tables.vix["close"].where(tables.vix["known_at"] <= cut, 99.0)),
    )
    for bars, context in ((known, cut_tables), (pd.concat([known, garbled]), noise_tables)):
        rows = HistoryScan(book_of(context, CONFIG), CONFIG).scan(grids_of(bars))
        rows = rows[rows["detected_at"] <= cut].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, expected, check_exact=True)


def test_every_feature_has_values_in_the_made_market(batch):
    assert batch.notna().any().all(), batch.columns[batch.isna().all()].tolist()


def test_daily_levels_are_in_raw_prices_on_both_sides_of_a_split(batch):
    before = batch[(batch["symbol"] == "CCC") & (batch["session_date"] < SPLIT_DAY)]
    after = batch[(batch["symbol"] == "CCC") & (batch["session_date"] >= SPLIT_DAY)]
    assert len(before) > 3
    assert len(after) > 3
    # The daily file is adjusted for the split and by a tenth besides; neither shows.
    assert before["gap_frac"].abs().max() < 0.2
    assert after["gap_frac"].abs().max() < 0.2


def test_a_symbol_without_daily_bars_keeps_its_events(market, batch):
    minutes, tables = market
    bare = replace(tables, daily=tables.daily[tables.daily["symbol"] != "AAA"])
    rows = HistoryScan(book_of(bare, CONFIG), CONFIG).scan(grids_of(minutes))
    assert len(rows) == len(batch)
    own = rows[rows["symbol"] == "AAA"]
    daily = ["high_52w_distance_frac", "sma_20_distance_frac", "gap_frac", "atr_14_frac"]
    assert own[daily].isna().all().all()
    assert own["half_spread_bps"].notna().any()


def test_nothing_known_at_all_leaves_the_events(market, batch):
    minutes, tables = market
    empty = {name: table.iloc[:0] for name, table in vars(tables).items() if name != "universe"}
    rows = HistoryScan(book_of(replace(tables, **empty), CONFIG), CONFIG).scan(grids_of(minutes))
    pd.testing.assert_frame_equal(rows[list(EVENT_COLUMNS)], batch[list(EVENT_COLUMNS)])


def path(closes, day=LAST, symbol="AAA", at=None):
    """Return bars with these closes, each opening at the close before; `at` are their minutes."""
    closes = np.asarray(closes, dtype=float)
    row = session_table().set_index("session_date").loc[day]
    opens = np.concatenate([[100.0], closes[:-1]])
    return pd.DataFrame(
        {
            "symbol": symbol,
            "session_date": day,
            "opens_at": row["opens_at"] + np.asarray(at or range(len(closes))) * MINUTE,
            "open": opens,
            "high": np.maximum(opens, closes),
            "low": np.minimum(opens, closes),
            "close": closes,
            "volume": 1000.0,
            "is_regular": True,
        }
    )


@pytest.mark.parametrize(
    ("at", "quality", "n_missing"),
    [([0, 1, 2], "clean", 0), ([0, 1, 6], "clean", 4), ([0, 1, 7], "after_halt", 5),
     ([5, 6, 7], "clean", 5), ([6, 7, 8], "late_open", 6)],
)  # fmt: skip
def test_quality_says_what_the_bars_allow_to_believe(market, at, quality, n_missing):
    minutes, tables = market
    found = scan_of(LAST, minutes, tables).advance(path([100, 99.5, 98.5], at=at))
    assert found["quality"].tolist() == [quality]
    assert found["n_missing_minutes"].tolist() == [n_missing]


def test_a_lone_tick_is_marked_and_minutes_outside_the_session_do_not_count(market):
    minutes, tables = market
    bars = path([100, 99.9])
    bars.loc[1, "low"] = 90.0
    found = scan_of(LAST, minutes, tables).advance(bars)
    assert set(found["quality"]) == {"lone_tick"}
    early = bars.assign(opens_at=bars["opens_at"] - 5 * MINUTE)
    assert scan_of(LAST, minutes, tables).advance(early).empty
    assert scan_of(LAST, minutes, tables).advance(bars.assign(is_regular=False)).empty


def test_features_of_a_small_path_are_those_computed_by_hand(market):
    minutes, tables = market
    bars = pd.concat([path([101, 100, 98.9]), path([100, 99.5, 99.0], symbol="BBB")])
    found = scan_of(LAST, minutes, tables).advance(bars)
    row = found[(found["symbol"] == "AAA") & (found["rung"] == 0.01)].iloc[0]
    returns = np.log([101 / 100, 100 / 101, 98.9 / 100])
    assert row["minutes_from_high"] == 2
    assert row["fall_per_minute_frac"] == pytest.approx((101 - 98.9) / 101 / 2)
    assert row["realised_volatility"] == pytest.approx(np.sqrt((returns**2).sum()))
    assert row["down_minutes_frac"] == pytest.approx(2 / 3)
    assert row["bar_place"] == 0
    assert row["sector_change_today_frac"] == pytest.approx(-0.01)
    assert row["market_breadth_frac"] == 1
    assert row["market_selloff_frac"] == 1
    typical = [(101 + 100 + 101) / 3, (101 + 100 + 100) / 3, (100 + 98.9 + 98.9) / 3]
    assert row["vwap_distance_frac"] == pytest.approx(98.9 / np.mean(typical) - 1)
    assert np.isnan(row["change_5m_frac"])
    assert row["target_distance_frac"] == pytest.approx((98.9 + 0.55 - 98.9) / 98.9)
    assert row["stop_distance_frac"] == pytest.approx(0.01 / 4)


def test_a_context_of_another_day_is_refused(market):
    minutes, tables = market
    context = scan_of(LAST, minutes, tables).context
    with pytest.raises(InputError, match="2023-07-14"):
        SessionScan(pd.Timestamp("2023-07-13"), context, CONFIG)
