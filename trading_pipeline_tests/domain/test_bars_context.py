"""What stands beside the bars is only worth as much as the moment it could first be used."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.bars.context import clean_actions, clean_macro, clean_vix
from trading_pipeline.domain.bars.universe import build_universe, daily_spans


def vix(dates, close):
    rows = pd.DataFrame({"ts": pd.to_datetime(dates), "close": close, "source_file": "vix.csv"})
    return rows.assign(open=np.nan, high=np.nan, low=np.nan)


def macro(dates, values, release=None):
    release = pd.to_datetime(release if release is not None else [None] * len(dates))
    rows = {"series": "X", "ts": pd.to_datetime(dates), "value": values, "release": release}
    return pd.DataFrame({**rows, "source_file": "macro.csv"})


def actions(**columns):
    rows = {
        "symbol": ["AAA"],
        "ex_date": pd.to_datetime(["2020-01-06"]),
        "action": ["split"],
        "ratio": [2.0],
        "amount_usd": [np.nan],
        "known_at": pd.to_datetime([None], utc=True),
        "source_file": ["corporate_actions.csv"],
    }
    return pd.DataFrame({**rows, **columns})


def test_vix_of_a_session_is_known_a_quarter_hour_after_the_close():
    kept, _ = clean_vix(vix(["2020-01-06", "2020-07-06"], [14.0, 28.0]))
    assert kept["known_at"].dt.strftime("%H:%M").tolist() == ["21:15", "20:15"]


def test_vix_of_a_day_without_a_session_is_quarantined():
    kept, refused = clean_vix(vix(["2022-05-30", "2022-05-31", "2022-06-01"], [26.5, np.nan, 25.0]))
    assert kept["close"].tolist() == [25.0]
    assert sorted(refused["reason"]) == ["missing_price", "not_a_session"]


def test_two_vix_closes_of_one_day_are_both_refused_and_equal_ones_collapse():
    days = ["2020-01-06", "2020-01-06", "2020-01-07", "2020-01-07"]
    kept, refused = clean_vix(vix(days, [14.0, 15.0, 16.0, 16.0]))
    assert kept["close"].tolist() == [16.0]
    assert refused["reason"].value_counts().to_dict() == {
        "duplicate_disagrees": 2,
        "duplicate_collapsed": 1,
    }


def test_a_release_date_says_when_a_macro_value_was_known():
    kept, _ = clean_macro(macro(["2020-01-01"], [1.0], ["2020-02-14"]))
    assert kept["known_at"].item() == pd.Timestamp("2020-02-14 23:00", tz="UTC")


@pytest.mark.parametrize(
    ("frequency", "lag_days"), [("B", 7), ("W-FRI", 14), ("MS", 90), ("QS", 150)]
)
def test_without_a_release_the_lag_follows_the_series_spacing(frequency, lag_days):
    dates = pd.date_range("2020-01-01", periods=12, freq=frequency)
    kept, _ = clean_macro(macro(dates, np.arange(12.0)))
    local = kept["known_at"].dt.tz_convert("America/New_York")
    assert (local.dt.normalize().dt.tz_localize(None) - dates).unique() == [
        pd.Timedelta(days=lag_days)
    ]
    assert set(local.dt.hour) == {18}


def test_vintages_of_one_observation_all_stay_and_impossible_ones_are_refused():
    dates = ["2020-01-01"] * 4
    release = ["2020-02-14", "2020-03-14", "2019-12-01", "2020-04-14"]
    kept, refused = clean_macro(macro(dates, [1.0, 1.1, 1.2, np.nan], release))
    assert kept["value"].tolist() == [1.0, 1.1]
    assert sorted(refused["reason"]) == ["missing_value", "released_early"]


def test_a_corporate_action_is_known_at_the_opening_of_its_ex_date_unless_given():
    kept, _ = clean_actions(actions())
    assert kept["known_at"].item() == pd.Timestamp("2020-01-06 14:30", tz="UTC")
    given = pd.to_datetime(["2019-12-01 12:00"], utc=True)
    assert clean_actions(actions(known_at=given))[0]["known_at"].item() == given[0]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"ratio": [0.0]}, "missing_value"),
        ({"action": ["dividend"]}, "missing_value"),
        ({"action": ["merger"]}, "unknown_action"),
        ({"symbol": [None]}, "missing_value"),
    ],
)
def test_an_action_that_cannot_act_is_refused(columns, reason):
    kept, refused = clean_actions(actions(**columns))
    assert kept.empty
    assert refused["reason"].tolist() == [reason]


def spans(**last):
    return pd.DataFrame(
        {
            "symbol": list(last),
            "first_date": pd.Timestamp("2020-01-06"),
            "last_date": pd.to_datetime(list(last.values())),
            "n_sessions": 3,
        }
    )


def kinds(covered, *symbols):
    return pd.DataFrame(
        {
            "symbol": symbols,
            "kind": "equity",
            "is_simulated": False,
            "covered_until": pd.to_datetime([covered] * len(symbols)),
        }
    )


def test_delisted_means_ending_more_than_five_sessions_before_the_files_do():
    rows = spans(A="2020-02-10", B="2020-02-03", C="2020-01-31")
    universe = build_universe(rows, kinds("2020-02-10", *"ABC"), None)
    assert universe["is_delisted"].tolist() == [False, False, True]


def test_the_index_is_never_an_equity_and_the_universe_file_has_the_last_word():
    rows = spans(A="2020-02-10", B="2020-02-10", M="2020-02-10")
    listed = pd.DataFrame({"symbol": ["B"], "kind": ["etf"]})
    universe = build_universe(rows, kinds("2020-02-10", *"AB"), "A", listed).set_index("symbol")
    assert universe["kind"].to_dict() == {"A": "index", "B": "etf", "M": "equity"}
    assert universe["is_index"].to_dict() == {"A": True, "B": False, "M": False}


def test_spans_count_the_sessions_with_a_bar():
    dates = pd.to_datetime(["2020-01-06", "2020-01-08", "2020-01-07"])
    bars = pd.DataFrame({"symbol": ["A", "A", "B"], "session_date": dates})
    assert daily_spans(bars)["n_sessions"].tolist() == [2, 1]


def test_splits_of_one_date_that_disagree_are_all_refused():
    raw = pd.DataFrame(
        {
            "symbol": ["AAA", "AAA", "BBB", "BBB"],
            "ex_date": pd.Timestamp("2020-01-06"),
            "action": "split",
            "ratio": [4.0, 5.0, 2.0, 2.0],
            "amount_usd": np.nan,
            "known_at": pd.NaT,
            "source_file": "corporate_actions.csv",
        }
    )
    actions, refused = clean_actions(raw)
    assert actions["symbol"].tolist() == ["BBB"]
    assert sorted(refused["reason"]) == [
        "duplicate_collapsed",
        "duplicate_disagrees",
        "duplicate_disagrees",
    ]
