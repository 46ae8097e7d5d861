"""A label is what followed, known when its span closed, and never changed by what came later."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.contracts.config import LabelsConfig
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.labels.direction import label_direction
from trading_pipeline.domain.labels.uniqueness import average_uniqueness
from trading_pipeline_tests.domain.settings_of import shipped

EXCESS = shipped(LabelsConfig, "labels", horizon_sessions=3)
RAW = shipped(LabelsConfig, "labels", horizon_sessions=3, target="raw")
CALENDAR = session_table()
FIRST = 6000


def bars_of(closes, symbol="AAA", first=FIRST):
    """Return daily bars that open one below their close; a missing close is a missing bar."""
    calendar = CALENDAR.iloc[first : first + len(closes)].reset_index(drop=True)
    close = np.asarray(closes, dtype=float)
    bars = pd.DataFrame(
        {
            "symbol": symbol,
            "session_date": calendar["session_date"],
            "session": calendar["session"],
            "open": close - 1.0,
            "close": close,
            "adj_factor": 1.0,
            "has_vendor_seam": False,
            "known_at": calendar["closes_at"],
        }
    )
    return bars[bars["close"].notna()].reset_index(drop=True)


def universe_of(bars, **kinds):
    symbols = pd.Series(bars["symbol"].unique())
    return pd.DataFrame({"symbol": symbols, "kind": symbols.map(kinds).fillna("equity")})


def labels_of(bars, config=RAW, min_symbols=1, **kinds):
    return label_direction(bars, universe_of(bars, **kinds), config, min_symbols)


def test_entry_is_the_next_open_and_exit_the_close_of_the_last_session_of_the_span():
    table = labels_of(bars_of([100, 101, 102, 103, 110]))
    # Session 0: in at the open of session 1 (100), out at the close of session 3 (103).
    assert table["forward_return_frac"].iloc[0] == pytest.approx(0.03)
    assert table["forward_return_frac"].iloc[1] == pytest.approx(110 / 101 - 1)
    assert table["start_session"].tolist() == [FIRST + i for i in range(1, 6)]
    assert table["end_session"].tolist() == [FIRST + i for i in range(3, 8)]
    assert table["is_closed"].tolist() == [True, True, False, False, False]
    assert table["label"].tolist()[:2] == [1.0, 1.0]
    assert table.loc[2:, ["label", "forward_return_frac", "uniqueness"]].isna().all(axis=None)
    assert table["known_at"].isna().tolist() == [False, False, True, True, True]
    assert table["known_at"].iloc[0] == CALENDAR["closes_at"].iloc[FIRST + 3]
    assert table["end_date"].iloc[0] == CALENDAR["session_date"].iloc[FIRST + 3]


def test_a_source_of_closes_enters_at_the_next_close():
    bars = bars_of([100, 101, 102, 103]).assign(open=np.nan)
    assert labels_of(bars)["forward_return_frac"].iloc[0] == pytest.approx(103 / 101 - 1)


def test_prices_are_compared_across_a_split_by_the_adjustment_factor():
    bars = bars_of([100, 101, 51, 52])
    bars["adj_factor"] = [0.5, 0.5, 1.0, 1.0]
    assert labels_of(bars)["forward_return_frac"].iloc[0] == pytest.approx(52 / 50 - 1)


def test_a_symbol_that_ends_inside_the_span_exits_at_its_last_close():
    ended = bars_of([100, 101, 105], "OLD")
    table = labels_of(pd.concat([ended, bars_of([100] * 8)]))
    old = table[table["symbol"] == "OLD"].reset_index(drop=True)
    assert old["forward_return_frac"].iloc[0] == pytest.approx(0.05)
    assert old["forward_return_frac"].iloc[1] == pytest.approx(105 / 104 - 1)
    assert old["end_date"].tolist()[:2] == [CALENDAR["session_date"].iloc[FIRST + 2]] * 2
    # Whether it had ended is known only once the span has passed without it.
    assert old["end_session"].tolist() == [FIRST + 3, FIRST + 4, FIRST + 5]
    assert old["known_at"].iloc[1] == CALENDAR["closes_at"].iloc[FIRST + 4]
    # Nobody could enter after its last bar.
    assert np.isnan(old["label"].iloc[2])
    assert old["is_closed"].iloc[2]


def test_a_suspended_symbol_is_entered_on_its_next_bar_inside_the_span_or_not_at_all():
    hole = [100, None, 111, 120, 121, None, None, None, 130]
    bars = bars_of([np.nan if close is None else close for close in hole])
    table = labels_of(pd.concat([bars, bars_of([100] * 9, "ETF")]), ETF="etf")
    assert table["symbol"].unique().tolist() == ["AAA"]
    forward = table.set_index("session")["forward_return_frac"]
    assert forward[FIRST] == pytest.approx(120 / 110 - 1)
    assert np.isnan(forward[FIRST + 4])


def test_a_vendor_seam_inside_the_span_leaves_no_label():
    bars = bars_of([100 + i for i in range(10)])
    bars.loc[5, "has_vendor_seam"] = True
    missing = labels_of(bars)["label"].isna().tolist()
    assert missing == [False, False, True, True, True, False, False, True, True, True]


def test_the_median_is_over_labelled_equities_and_a_tie_is_not_above_it():
    falls, rises = bars_of([100, 101, 101, 90], "AAA"), bars_of([100, 101, 101, 120], "CCC")
    flat = bars_of([100, 101, 101, 100], "BBB")
    fund = bars_of([100, 101, 101, 300], "FUND")
    bars = pd.concat([falls, flat, rises, fund])
    first = labels_of(bars, EXCESS, FUND="etf").groupby("symbol").first()
    assert first["median_return_frac"].tolist() == [0.0] * 3
    assert first["excess_return_frac"].tolist() == pytest.approx([-0.1, 0.0, 0.2])
    assert first["label"].tolist() == [0.0, 0.0, 1.0]
    assert first["n_symbols"].tolist() == [3] * 3


def test_a_session_with_too_few_labelled_symbols_has_no_label():
    bars = pd.concat([bars_of([100, 101, 102, 103, 104], name) for name in ("AAA", "BBB")])
    for config in (EXCESS, RAW):
        assert labels_of(bars, config, min_symbols=3)["label"].isna().all()
        assert labels_of(bars, config, min_symbols=2)["label"].notna().sum() == 4


def test_a_label_waits_for_an_exit_bar_that_was_withheld():
    late = bars_of([100, 101, 102, 500, 501], "LATE")
    late.loc[3, "known_at"] = CALENDAR["closes_at"].iloc[FIRST + 4]
    table = labels_of(pd.concat([late, bars_of([100, 101, 102, 103, 104])]), EXCESS)
    first = table[table["session"] == FIRST]
    assert first["known_at"].tolist() == [CALENDAR["closes_at"].iloc[FIRST + 4]] * 2


def test_two_bars_of_a_symbol_in_a_session_are_refused():
    bars = bars_of([100, 101, 102, 103])
    with pytest.raises(ValueError, match="two daily bars"):
        labels_of(pd.concat([bars, bars]))


def test_no_equity_gives_no_label():
    table = labels_of(bars_of([100, 101, 102, 103], "SPY"), SPY="etf")
    assert table.empty
    assert "known_at" in table


def test_uniqueness_is_one_over_the_horizon_in_a_whole_history_and_one_alone():
    whole = average_uniqueness(np.zeros(50, "int64"), np.arange(50), 5)
    assert whole[10:40] == pytest.approx(0.2)
    # The first label shares its span with 1, 2, 3, 4, 5 labels.
    assert whole[0] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4 + 1 / 5) / 5)
    apart = average_uniqueness(np.array([0, 0, 1]), np.array([3, 8, 4]), 5)
    assert apart.tolist() == [1.0, 1.0, 1.0]


@given(
    listed=st.lists(
        st.lists(st.integers(0, 30), min_size=1, max_size=20, unique=True), min_size=1, max_size=4
    ),
    horizon=st.integers(1, 6),
)
@settings(max_examples=60, deadline=None)
def test_uniqueness_is_the_mean_inverse_number_of_overlapping_labels(listed, horizon):
    code = np.repeat(np.arange(len(listed)), [len(sessions) for sessions in listed])
    session = np.concatenate([sorted(sessions) for sessions in listed])
    found = average_uniqueness(code, session, horizon)
    for i in range(len(code)):
        own = session[code == code[i]]
        shares = [
            1 / ((own < at) & (own >= at - horizon)).sum()
            for at in range(session[i] + 1, session[i] + horizon + 1)
        ]
        assert found[i] == pytest.approx(np.mean(shares))


def ragged_market(seed, n_symbols=7, n_sessions=40):
    """Return bars with late listings, endings, holes, seams and withheld bars."""
    random = np.random.default_rng(seed)
    parts = []
    for i in range(n_symbols):
        closes = 100 * np.exp(np.cumsum(random.normal(0, 0.02, n_sessions)))
        closes[random.random(n_sessions) < 0.1] = np.nan
        closes[: random.integers(0, 10)] = np.nan
        closes[random.integers(25, n_sessions + 1) :] = np.nan
        bars = bars_of(closes, f"S{i}")
        bars["has_vendor_seam"] = random.random(len(bars)) < 0.01
        parts.append(bars)
    bars = pd.concat([*parts, bars_of([100.0] * n_sessions, "REF")], ignore_index=True)
    withheld = (random.random(len(bars)) < 0.02) & (bars["symbol"] != "REF")
    calendar = CALENDAR["closes_at"]
    following = calendar.iloc[bars["session"] + 1].reset_index(drop=True)
    bars["known_at"] = bars["known_at"].mask(withheld, following)
    return bars


@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_cutting_the_data_on_known_at_changes_no_label_known_before(seed):
    bars = ragged_market(seed)
    universe = universe_of(bars)
    whole = label_direction(bars, universe, EXCESS, 3)
    for cut in range(FIRST + 4, FIRST + 40, 5):
        as_of = CALENDAR["closes_at"].iloc[cut]
        part = label_direction(bars[bars["known_at"] <= as_of], universe, EXCESS, 3)
        known = whole[whole["known_at"] <= as_of]
        both = known.merge(part, on=["symbol", "session"], suffixes=("", "_cut"))
        assert len(both) == len(known)
        for name in ("label", "forward_return_frac", "median_return_frac", "uniqueness"):
            np.testing.assert_array_equal(both[name], both[f"{name}_cut"])
        assert (both["end_date"] == both["end_date_cut"]).all()


@given(seed=st.integers(0, 1000))
@settings(max_examples=5, deadline=None)
def test_row_order_changes_nothing(seed):
    bars = ragged_market(seed)
    universe = universe_of(bars)
    shuffled = bars.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(
        label_direction(bars, universe, EXCESS, 3),
        label_direction(shuffled, universe.iloc[::-1], EXCESS, 3),
        check_exact=True,
    )
