"""An outcome is what followed a prediction: by hand, across splits and delistings, never early."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.contracts.config import BacktestConfig, LabelsConfig, OutcomesConfig
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.labels.direction import label_direction
from trading_pipeline.domain.outcomes.resolve import OUTCOME_COLUMNS, resolve_outcomes
from trading_pipeline.domain.outcomes.tracking import TRACKING_COLUMNS, track_outcomes
from trading_pipeline_tests.domain.settings_of import shipped

HORIZON = 3
LABELS = shipped(LabelsConfig, "labels", horizon_sessions=HORIZON)
BOOK = shipped(BacktestConfig, "backtest", quantile_frac=0.25)
TRACKED = shipped(OutcomesConfig, "outcomes", min_horizons=10, bootstrap_samples=60)
CALENDAR = session_table()
FIRST = 6000
# Open, high, low, close of five sessions: the decision falls on the first.
PATH = [
    (90.0, 99.0, 80.0, 95.0),
    (100.0, 103.0, 98.0, 101.0),
    (101.0, 108.0, 96.0, 104.0),
    (104.0, 108.0, 103.0, 105.0),
    (105.0, 200.0, 50.0, 150.0),
]


def bars_of(path, symbol="AAA", factor=1.0):
    """Return daily bars of a symbol from FIRST on; a row of None is a missing bar."""
    held = [i for i, row in enumerate(path) if row is not None]
    days = CALENDAR.iloc[[FIRST + i for i in held]].reset_index(drop=True)
    prices = np.array([path[i] for i in held], dtype=float).reshape(-1, 4)
    factors = np.broadcast_to(factor, len(path))[held]
    return pd.DataFrame(
        {
            "symbol": symbol,
            "session_date": days["session_date"],
            "session": days["session"],
            **{name: prices[:, i] for i, name in enumerate(("open", "high", "low", "close"))},
            "volume": 1000.0,
            "adj_factor": factors,
            "has_vendor_seam": False,
            "known_at": days["closes_at"],
        }
    )


def flat(symbol, n=5):
    return bars_of([(100.0, 100.0, 100.0, 100.0)] * n, symbol)


def said(symbol="AAA", probability=0.7, session=FIRST, role="champion", version="m1"):
    day = CALENDAR["session_date"].iloc[session]
    return {
        "prediction_id": f"{role}:{version}:{symbol}:{day:%Y-%m-%d}",
        "symbol": symbol,
        "session_date": day,
        "session": session,
        "role": role,
        "model_version": version,
        "probability": probability,
        "regime": "normal",
        "horizon_sessions": HORIZON,
    }


def resolved(bars, *predictions, min_symbols=1, labels=LABELS, book=BOOK, earlier=()):
    symbols = pd.Series(bars["symbol"].unique())
    universe = pd.DataFrame({"symbol": symbols, "kind": "equity"})
    frame = pd.DataFrame(list(predictions))
    known = pd.DataFrame([*earlier, *predictions])
    return resolve_outcomes(frame, known, bars, universe, labels, min_symbols, book, 0.02)


def one(bars, *predictions, **more):
    return resolved(bars, *predictions, **more).iloc[0]


def test_a_rise_foreseen_is_measured_from_the_next_open_to_the_close_of_the_span():
    row = one(bars_of(PATH), said())
    assert row["raw_return_frac"] == pytest.approx(0.05)
    assert row["mfe_frac"] == pytest.approx(0.08)
    assert row["mae_frac"] == pytest.approx(-0.04)
    # The high of 108 came first in the second session of the span.
    assert row["sessions_to_peak"] == 2
    assert row["hit_raw"] is True
    assert row["end_session"] == FIRST + HORIZON
    assert row["known_at"] == CALENDAR["closes_at"].iloc[FIRST + HORIZON]


def test_a_fall_foreseen_turns_best_and_worst_around():
    row = one(bars_of(PATH), said(probability=0.3))
    assert row["raw_return_frac"] == pytest.approx(0.05)
    assert row["mfe_frac"] == pytest.approx(0.04)
    assert row["mae_frac"] == pytest.approx(-0.08)
    assert row["sessions_to_peak"] == 2
    assert row["hit_raw"] is False


def test_a_price_that_never_went_the_right_way_has_no_peak():
    falling = [(100.0, 100.0, 100.0, 100.0)] + [(99.0, 99.0, 98.0 - i, 98.0 - i) for i in range(4)]
    row = one(bars_of(falling), said())
    assert row["mfe_frac"] == 0.0
    assert np.isnan(row["sessions_to_peak"])


@pytest.mark.parametrize(("last", "is_hit"), [(102.0, True), (101.9, False)])
def test_a_raw_hit_moved_two_percent_at_the_horizon_not_on_the_way(last, is_hit):
    path = [*PATH[:3], (104.0, 108.0, 100.0, last), PATH[4]]
    assert one(bars_of(path), said())["hit_raw"] is is_hit


def test_an_excess_hit_ends_on_the_foreseen_side_of_the_median():
    bars = pd.concat([bars_of(PATH), flat("BBB"), flat("CCC")])
    table = resolved(bars, said(), said("BBB", 0.7), said("CCC", 0.2)).set_index("symbol")
    # The median return is that of the flat ones; no better than the median counts as below it.
    assert table["excess_return_frac"].to_dict() == pytest.approx({"AAA": 0.05, "BBB": 0, "CCC": 0})
    assert table["hit_excess"].to_dict() == {"AAA": True, "BBB": False, "CCC": True}
    assert table["label"].to_dict() == {"AAA": 1.0, "BBB": 0.0, "CCC": 0.0}


def test_splits_and_dividends_change_no_outcome():
    plain = one(bars_of(PATH), said())
    raw = [tuple(2 * price for price in row) if i < 2 else row for i, row in enumerate(PATH)]
    split = one(bars_of(raw, factor=[0.5, 0.5, 1.0, 1.0, 1.0]), said())
    for name in ("raw_return_frac", "mfe_frac", "mae_frac", "sessions_to_peak", "hit_raw"):
        assert split[name] == pytest.approx(plain[name])


def test_a_symbol_that_ends_inside_the_span_leaves_at_its_last_close():
    bars = pd.concat([bars_of(PATH[:3], "OLD"), flat("BBB")])
    row = one(bars, said("OLD"))
    assert row["raw_return_frac"] == pytest.approx(0.04)
    assert row["mfe_frac"] == pytest.approx(0.08)
    assert row["end_date"] == CALENDAR["session_date"].iloc[FIRST + 2]
    assert row["end_session"] == FIRST + HORIZON


def test_a_symbol_that_is_never_entered_has_no_return_and_is_missed():
    bars = pd.concat([bars_of(PATH[:1], "OLD"), flat("BBB"), flat("CCC")])
    table = resolved(bars, said("OLD", 0.9), said("BBB", 0.5), said("CCC", 0.4))
    row = table.set_index("symbol").loc["OLD"]
    unknown = ["raw_return_frac", "excess_return_frac", "mfe_frac", "mae_frac", "label"]
    assert row[[*unknown, "sessions_to_peak", "hit_raw", "hit_excess"]].isna().all()
    assert row["status"] == "missed"


def test_a_vendor_seam_inside_the_span_leaves_nothing_to_tell():
    bars = bars_of(PATH)
    bars.loc[2, "has_vendor_seam"] = True
    row = one(bars, said())
    assert row[["raw_return_frac", "mfe_frac", "mae_frac", "hit_raw"]].isna().all()


def test_a_source_of_closes_is_measured_by_closes_from_the_entry_on():
    bars = bars_of(PATH).assign(open=np.nan, high=np.nan, low=np.nan)
    row = one(bars, said())
    assert row["raw_return_frac"] == pytest.approx(105 / 101 - 1)
    assert row["mfe_frac"] == pytest.approx(105 / 101 - 1)
    assert row["mae_frac"] == 0.0
    assert row["sessions_to_peak"] == 3


def test_an_open_span_stays_unresolved():
    table = resolved(bars_of(PATH), said(), said(session=FIRST + 1), said(session=FIRST + 2))
    assert table["session"].tolist() == [FIRST, FIRST + 1]
    assert list(resolved(bars_of(PATH[:3]), said()).columns) == list(OUTCOME_COLUMNS)
    assert resolved(bars_of(PATH[:3]), said()).empty


def test_the_book_trades_both_ends_skips_the_middle_and_misses_what_it_cannot_enter():
    names = [f"S{i}" for i in range(8)]
    bars = pd.concat([flat(name) for name in names if name != "S7"])
    bars = pd.concat([bars, bars_of([PATH[0], None, *PATH[2:]], "S7")])
    table = resolved(bars, *(said(name, 0.1 + 0.1 * i) for i, name in enumerate(names)))
    status = table.set_index("symbol")["status"].to_dict()
    assert status == {
        **dict.fromkeys(("S0", "S1", "S6"), "traded"),
        **dict.fromkeys(("S2", "S3", "S4", "S5"), "skipped"),
        "S7": "missed",
    }


def test_what_the_book_takes_does_not_depend_on_how_many_sessions_are_resolved_together():
    names = [f"S{i}" for i in range(8)]
    bars = pd.concat([flat(name) for name in names])
    book = BOOK.model_copy(update={"hold_band_frac": 0.25, "hold_sessions": 1})
    first = [said(name, 0.1 + 0.1 * i) for i, name in enumerate(names)]
    # S6 falls from the best two to the third place: the band alone keeps it.
    places = (0, 1, 2, 3, 6, 7, 5, 4)
    second = [said(n, 0.1 + 0.1 * p, FIRST + 1) for n, p in zip(names, places, strict=True)]
    at_once = resolved(bars, *first, *second, book=book)
    by_day = [resolved(bars, *first, book=book)]
    by_day += [resolved(bars, *second, book=book, earlier=first)]
    pd.testing.assert_frame_equal(pd.concat(by_day, ignore_index=True), at_once)
    kept = at_once[at_once["session"] == FIRST + 1].set_index("symbol")["status"]
    assert kept["S6"] == "traded"


def test_roles_and_models_are_ranked_apart():
    bars = pd.concat([flat("AAA"), flat("BBB")])
    both = [said("AAA", 0.6), said("BBB", 0.5)]
    both += [said("AAA", 0.1, role="shadow", version="m2"), said("BBB", 0.2, role="shadow")]
    table = resolved(bars, *both)
    assert table["role"].tolist() == ["champion", "champion", "shadow", "shadow"]
    assert table["status"].tolist() == ["traded", "traded", "skipped", "skipped"]


def walk(seed, n=12, symbols=4):
    """Return bars of random walks with every price inside its bar."""
    random = np.random.default_rng(seed)
    parts = []
    for i in range(symbols):
        close = 100 * np.exp(np.cumsum(random.normal(0, 0.03, n)))
        opened = close * np.exp(random.normal(0, 0.02, n))
        high = np.maximum(opened, close) * np.exp(random.exponential(0.01, n))
        low = np.minimum(opened, close) * np.exp(-random.exponential(0.01, n))
        parts.append(bars_of(list(zip(opened, high, low, close, strict=True)), f"S{i}"))
    return pd.concat(parts, ignore_index=True)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), cut=st.integers(4, 12))
def test_an_outcome_is_the_training_label_and_later_bars_never_change_it(seed, cut):
    bars = walk(seed)
    random = np.random.default_rng(seed)
    predictions = [
        said(symbol, float(random.uniform()), int(session))
        for symbol, session in zip(bars["symbol"], bars["session"], strict=True)
    ]
    whole = resolved(bars, *predictions)
    known = resolved(bars[bars["session"] < FIRST + cut], *predictions[:: 1 if cut > 6 else 2])
    same = whole[whole["prediction_id"].isin(known["prediction_id"])].reset_index(drop=True)
    columns = [name for name in OUTCOME_COLUMNS if name != "status"]
    pd.testing.assert_frame_equal(known[columns], same[columns])
    assert (whole["mae_frac"] <= 0).all()
    assert (whole["mfe_frac"] >= 0).all()
    earned = np.where(whole["probability"] > 0.5, 1, -1) * whole["raw_return_frac"]
    assert (earned <= whole["mfe_frac"] + 1e-12).all()
    assert (earned >= whole["mae_frac"] - 1e-12).all()
    universe = pd.DataFrame({"symbol": bars["symbol"].unique(), "kind": "equity"})
    labels = label_direction(bars, universe, LABELS, 1)
    both = whole.merge(labels, on=["symbol", "session"], suffixes=("", "_trained"))
    np.testing.assert_array_equal(both["label"], both["label_trained"])
    np.testing.assert_array_equal(both["raw_return_frac"], both["forward_return_frac"])
    assert (both["known_at"] == both["known_at_trained"]).all()


def history(n_sessions=60, skill=None):
    """Return resolved rows of four symbols; `skill` maps a symbol to its chance to be right."""
    random = np.random.default_rng(3)
    rows = []
    for session in range(FIRST, FIRST + n_sessions):
        for symbol in ("AAA", "BBB", "CCC", "DDD"):
            label = int(random.integers(2))
            is_right = random.uniform() < (skill or {}).get(symbol, 0.5)
            p = 0.5 + (0.2 if (label == 1) == is_right else -0.2) * random.uniform(0.1, 1)
            rows.append(
                said(symbol, p, session)
                | {
                    "label": float(label),
                    "excess_return_frac": 0.01 if label else -0.01,
                    "hit_raw": is_right,
                    "hit_excess": bool((p > 0.5) == (label == 1)),
                }
            )
    return pd.DataFrame(rows)


SECTORS = pd.DataFrame(
    {"symbol": ["AAA", "BBB", "CCC"], "gics_sector": ["Energy", "Energy", "Utilities"]}
)


def test_groups_are_tracked_worst_first_with_their_intervals():
    table = track_outcomes(history(skill={"AAA": 0.9, "BBB": 0.9, "CCC": 0.1}), SECTORS, TRACKED)
    assert tuple(table.columns) == TRACKING_COLUMNS
    sectors = table[table["level"] == "sector"]
    assert sectors["name"].tolist() == ["Utilities", "unknown", "Energy"]
    assert sectors["position"].tolist() == [1, 2, 3]
    assert table.loc[table["level"] == "symbol", "name"].tolist()[0] == "CCC"
    assert table["is_assessable"].all()
    for name in ("hit_rate", "auc"):
        assert (table[f"{name}_low"] < table[name]).all()
        assert (table[name] < table[f"{name}_high"]).all()
    whole = table[table["level"] == "all"].iloc[0]
    assert (whole["n_rows"], whole["n_sessions"], whole["n_horizons"]) == (240, 60, 20.0)


def test_too_few_rows_are_not_assessable_and_come_last():
    short = history(60).query("symbol != 'AAA' or session < 6020")
    table = track_outcomes(short, SECTORS, TRACKED)
    row = table[(table["level"] == "symbol")].iloc[-1]
    assert row["name"] == "AAA"
    assert not row["is_assessable"]
    assert row[["hit_rate", "auc", "auc_low", "ece", "calibration_slope"]].isna().all()


def test_the_newest_model_of_a_role_counts_where_two_said_a_session():
    older = history(60)
    newer = older[older["session"] > FIRST + 30].assign(model_version="a newer one")
    both = track_outcomes(pd.concat([older, newer.assign(probability=0.9)]), SECTORS, TRACKED)
    assert both.loc[both["level"] == "all", "n_rows"].tolist() == [240]
    alone = pd.concat([older[older["session"] <= FIRST + 30], newer.assign(probability=0.9)])
    pd.testing.assert_frame_equal(both, track_outcomes(alone, SECTORS, TRACKED))


def test_no_outcome_gives_an_empty_table_of_the_same_columns():
    assert tuple(track_outcomes(history().iloc[:0], SECTORS, TRACKED).columns) == TRACKING_COLUMNS
