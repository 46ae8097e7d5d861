"""Rules of the comparison of scanners: what each takes, earns, loses, and what is told of it."""

from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.contracts.selloffs_config import SelloffsConfig
from trading_pipeline.domain.selloffs.backtest import (
    SCANNERS,
    compare_scanners,
    equity_by_session,
    offered_falls,
)
from trading_pipeline.domain.selloffs.edge import edge_verdict
from trading_pipeline.domain.selloffs.gallery import best_and_worst
from trading_pipeline_tests.domain.selloffs_made import made_falls
from trading_pipeline_tests.domain.selloffs_scored import scored_falls
from trading_pipeline_tests.domain.settings_of import shipped

CONFIG = shipped(SelloffsConfig, "selloffs")
KEYS = ["symbol", "session_date", "rung"]
SECTORS = pd.DataFrame({"symbol": ["S00", "S01"], "gics_sector": ["Energy", None]})


def with_backtest(**changes):
    return CONFIG.model_copy(update={"backtest": CONFIG.backtest.model_copy(update=changes)})


@lru_cache(maxsize=4)
def falls(skill: float, n_sessions: int = 120, n_symbols: int = 20):
    made = made_falls(n_sessions, n_symbols, skill=skill)
    return made, scored_falls(made, skill=skill)


def compared(made, scores, config=CONFIG):
    offered = offered_falls(scores, made.events)
    dates = made.events["session_date"]
    return compare_scanners(offered, made.outcomes, SECTORS, dates, config)


@lru_cache(maxsize=4)
def table_of(skill: float) -> pd.DataFrame:
    return compared(*falls(skill))


def of(table: pd.DataFrame, kind: str, name: str, span: str = "holdout") -> pd.DataFrame:
    part = table[(table["slice_kind"] == kind) & (table["span"] == span)]
    return part[part["slice"] == name].set_index("scanner")


def small() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return five falls worked out by hand: scores, events, outcomes at both delays."""
    day = pd.to_datetime(["2024-03-04", "2024-03-04", "2024-03-05", "2024-03-06", "2024-03-06"])
    keys = pd.DataFrame({"symbol": ["A", "B", "A", "A", "C"], "session_date": day, "rung": 0.02})
    at = pd.DatetimeIndex(day).tz_localize("America/New_York") + pd.Timedelta(hours=11)
    keys["detected_at"] = at.tz_convert("UTC")
    events = keys.assign(is_first=True, quality=["clean", "clean", "clean", "clean", "lone_tick"])
    gross = np.array([2.0, -1.0, 1.0, -1.0, 9.0])
    outcomes = pd.concat(
        [
            keys.assign(
                entry_delay_minutes=delay,
                status=["closed", "closed", "closed", "closed" if delay else "no_trade", "closed"],
                exit_at=keys["detected_at"] + pd.to_timedelta([30, 10, 10, 10, 10], unit="min"),
                gross_r=gross - delay * 0.5,
                cost_r=0.1,
                r_multiple=gross - delay * 0.5 - 0.1,
            )
            for delay in (0, 1)
        ],
        ignore_index=True,
    )
    scores = keys.assign(
        session=[1, 1, 2, 3, 3],
        block=0,
        is_holdout=True,
        probability=[0.7, 0.3, 0.6, 0.5, 0.9],
        trivial_probability=[0.1, 0.9, 0.8, 0.2, 0.9],
        risk_tier=[1.0, 0.0, 0.5, 0.25, 1.0],
        is_selected=[True, False, True, False, True],
        is_first=True,
        regime="normal",
    )
    return scores, events, outcomes


def test_five_falls_worked_out_by_hand():
    scores, events, outcomes = small()
    offered = offered_falls(scores, events)
    dates = pd.bdate_range("2024-03-01", "2024-03-08")
    table = compare_scanners(offered, outcomes, SECTORS, dates, CONFIG)
    whole = of(table, "all", "all")
    # Net at one minute: 1.4, -1.6, 0.4, -1.6; the fall of a lone tick is offered to nobody.
    assert whole["n_events"].tolist() == [4] * 4
    assert whole["n_trades"].to_dict() == {
        "take_all": 4, "trivial": 2, "model": 2, "model_tiered": 3,
    }  # fmt: skip
    assert whole["expectancy_r"].to_dict() == pytest.approx(
        {
            "take_all": -0.35,
            "trivial": -0.6,
            "model": 0.9,
            "model_tiered": (1.4 + 0.5 * 0.4 - 0.25 * 1.6) / 1.75,
        }
    )
    assert whole["gross_expectancy_r"]["take_all"] == pytest.approx(-0.25)
    assert whole["hit_rate"].to_dict() == pytest.approx(
        {"take_all": 0.5, "trivial": 0.5, "model": 1.0, "model_tiered": 2 / 3}
    )
    assert whole["profit_factor"]["take_all"] == pytest.approx(1.8 / 3.2)
    assert np.isnan(whole["profit_factor"]["model"])
    # In the order of the exits: -1.6, +1.4, +0.4, -1.6.
    assert whole["max_drawdown_r"]["take_all"] == pytest.approx(-1.6)
    # Three sessions with minute bars between the first fall and the last: 0.6 weeks.
    assert whole["trades_per_week"]["take_all"] == pytest.approx(4 / 0.6)
    assert whole["difference_r"]["model"] == pytest.approx(1.25)
    assert np.isnan(whole["difference_r"]["take_all"])
    assert not whole["is_assessable"].any()
    at_once = of(table, "entry_delay", "0")
    assert at_once["n_trades"]["take_all"] == 3
    assert at_once["n_events"]["take_all"] == 4
    assert at_once["expectancy_r"]["take_all"] == pytest.approx((1.9 - 1.1 + 0.9) / 3)
    assert of(table, "hour", "11")["n_trades"]["take_all"] == 4
    assert of(table, "sector", "unknown")["n_trades"]["take_all"] == 4
    assert of(table, "rung", "0.02")["n_trades"]["model"] == 2
    curve = equity_by_session(offered, outcomes, CONFIG)
    model = curve[curve["scanner"] == "model"]
    assert model["n_trades"].tolist() == [1, 1, 0]
    assert model["equity_r"].tolist() == pytest.approx([1.4, 1.8, 1.8])


def test_taking_all_earns_the_mean_of_the_tradable_falls():
    made, scores = falls(0.0)
    clean = made.events[made.events["quality"] == "clean"][KEYS]
    tradable = scores[scores["is_first"] & scores["is_holdout"]].merge(clean, on=KEYS)
    whole = of(table_of(0.0), "all", "all")
    assert whole["expectancy_r"]["take_all"] == pytest.approx(tradable["r_multiple"].mean())
    assert whole["n_trades"]["take_all"] == len(tradable)


@pytest.mark.parametrize("kind", ["regime", "hour", "sector", "symbol"])
def test_slices_of_one_kind_hold_every_trade_once(kind):
    table = table_of(0.0)
    for span in ("oof", "holdout"):
        part = table[(table["slice_kind"] == kind) & (table["span"] == span)]
        counts = part.groupby("scanner")["n_trades"].sum()
        whole = of(table, "all", "all", span)["n_trades"]
        assert counts.to_dict() == whole.to_dict()


def test_a_rung_is_told_as_if_it_alone_were_traded():
    made, scores = falls(0.0)
    clean = made.events[made.events["quality"] == "clean"][KEYS]
    deeper = scores[(scores["rung"] == 0.03) & scores["is_holdout"]].merge(clean, on=KEYS)
    assert not deeper["is_first"].any()
    told = of(table_of(0.0), "rung", "0.03")
    assert told["n_trades"]["take_all"] == len(deeper)
    assert told["expectancy_r"]["take_all"] == pytest.approx(deeper["r_multiple"].mean())


def test_net_falls_by_the_same_with_each_multiple_of_the_costs():
    table = table_of(1.5)
    part = table[(table["slice_kind"] == "cost_multiple") & (table["span"] == "holdout")]
    for _, rows in part.groupby("scanner"):
        at = rows["slice"].astype(float).to_numpy()
        net = rows["expectancy_r"].to_numpy()
        order = np.argsort(at)
        slopes = np.diff(net[order]) / np.diff(at[order])
        assert (slopes < 0).all()
        assert slopes == pytest.approx(slopes[0])
        assert net[order][0] == pytest.approx(rows["gross_expectancy_r"].iloc[0])


@settings(max_examples=25, deadline=None)
@given(
    gross=st.lists(st.floats(-2, 4), min_size=4, max_size=4),
    cost=st.lists(st.floats(0, 1), min_size=4, max_size=4),
)
def test_no_scanner_earns_more_when_costs_rise(gross, cost):
    scores, events, outcomes = small()
    outcomes = outcomes.assign(gross_r=[*gross, 0.0] * 2, cost_r=[*cost, 0.0] * 2)
    config = with_backtest(bootstrap_samples=50)
    dates = events["session_date"]
    table = compare_scanners(offered_falls(scores, events), outcomes, SECTORS, dates, config)
    part = table[table["slice_kind"] == "cost_multiple"]
    for _, rows in part.groupby("scanner"):
        net = rows.assign(at=rows["slice"].astype(float)).sort_values("at")["expectancy_r"]
        assert (np.diff(net) <= 1e-12).all()


def test_equity_sums_to_the_trades_times_their_expectancy():
    made, scores = falls(1.5)
    curve = equity_by_session(offered_falls(scores, made.events), made.outcomes, CONFIG)
    for (name, span), rows in curve.groupby(["scanner", "span"]):
        assert rows["equity_r"].to_numpy() == pytest.approx(rows["r_net"].cumsum().to_numpy())
        whole = of(table_of(1.5), "all", "all", span).loc[name]
        assert rows["n_trades"].sum() == whole["n_trades"]
        if name != "model_tiered":
            expected = whole["n_trades"] * whole["expectancy_r"]
            assert rows["equity_r"].iloc[-1] == pytest.approx(expected)
    n_sessions = curve.groupby(["span", "scanner"]).size()
    assert n_sessions.groupby("span").nunique().eq(1).all()


def test_the_trivial_score_takes_as_many_of_each_block_as_the_model():
    made, scores = falls(0.0)
    offered = offered_falls(scores, made.events)
    by_block = offered.groupby(["block", "rung"])[["trivial", "model"]].sum()
    assert (by_block["trivial"] == by_block["model"]).all()
    left_out = (
        offered[offered["trivial"] == 0].groupby(["block", "rung"])["trivial_probability"].max()
    )
    taken = offered[offered["trivial"] == 1].groupby(["block", "rung"])["trivial_probability"].min()
    assert (taken - left_out).dropna().ge(0).all()


def test_without_skill_the_difference_holds_zero_and_with_it_it_does_not():
    null, planted = (of(table_of(skill), "all", "all").loc["model"] for skill in (0.0, 1.5))
    assert null["difference_low"] < 0 < null["difference_high"]
    assert planted["difference_low"] > 0.3


def test_neither_the_order_of_the_rows_nor_a_second_run_changes_a_bit():
    made, scores = falls(1.5)
    shuffled = made.__class__(
        made.events.sample(frac=1, random_state=1),
        made.features,
        made.outcomes.sample(frac=1, random_state=2),
        made.regimes,
    )
    again = compared(shuffled, scores.sample(frac=1, random_state=3))
    pd.testing.assert_frame_equal(again, table_of(1.5), check_exact=True)


def test_nothing_scored_gives_empty_tables_of_the_right_kind():
    made, scores = falls(0.0)
    offered = offered_falls(scores.iloc[:0], made.events)
    table = compare_scanners(offered, made.outcomes, SECTORS, made.events["session_date"], CONFIG)
    curve = equity_by_session(offered, made.outcomes, CONFIG)
    assert table.empty
    assert curve.empty
    assert table["is_assessable"].dtype == bool
    assert curve["session_date"].dtype == "datetime64[ns]"
    found = edge_verdict(table, curve, 0, CONFIG)
    assert found.state == "not_assessable"
    assert "no fall of a hold-out" in found.words


N_STUDY = 999


def judged(skill: float, **changes):
    made, scores = falls(skill)
    curve = equity_by_session(offered_falls(scores, made.events), made.outcomes, CONFIG)
    model = CONFIG.model.model_copy(update={"min_events": 100, "min_sessions": 20} | changes)
    return edge_verdict(table_of(skill), curve, N_STUDY, CONFIG.model_copy(update={"model": model}))


def n_falls() -> int:
    made, scores = falls(1.5)
    clean = made.events[made.events["quality"] == "clean"][KEYS]
    return len(scores[scores["is_holdout"]].merge(clean, on=KEYS))


def n_tradable() -> int:
    return int(of(table_of(1.5), "all", "all")["n_events"]["take_all"])


def test_the_verdict_is_a_sentence_with_n_and_period():
    found = judged(1.5)
    assert found.state == "edge"
    assert found.words.startswith("A tradable edge was found on paper.")
    basis = (
        f"({n_falls():,} falls of {N_STUDY}, {n_tradable():,} of them tradable, in 36 sessions, "
    )
    assert f"{basis}2023-10-27 to 2023-12-18)" in found.words


def test_no_edge_is_said_plainly_with_its_reasons():
    found = judged(0.0)
    assert found.state == "no_edge"
    assert found.words.startswith("No tradable edge found: ")
    assert "the difference's interval does not lie above zero" in found.words


def test_a_gain_that_still_loses_money_is_no_edge():
    table = table_of(1.5).copy()
    is_whole = table["slice_kind"] == "all"
    table.loc[is_whole, ["expectancy_r", "expectancy_low", "expectancy_high"]] -= 5.0
    made, scores = falls(1.5)
    curve = equity_by_session(offered_falls(scores, made.events), made.outcomes, CONFIG)
    eased = {"min_events": 100, "min_sessions": 20}
    model = CONFIG.model.model_copy(update=eased)
    found = edge_verdict(table, curve, N_STUDY, CONFIG.model_copy(update={"model": model}))
    assert found.state == "no_edge"
    assert "what it selects loses money" in found.words


def test_too_few_falls_are_not_assessable_whatever_they_earned():
    found = judged(1.5, min_events=1000)
    assert found.state == "not_assessable"
    assert found.words.startswith(f"Not assessable: {N_STUDY} of 1,000 falls in all (hold-out: ")


def test_the_gallery_shows_the_extremes_once_and_only_tradable_falls():
    made, scores = falls(0.0)
    shown = best_and_worst(made.events, made.outcomes, delay=1, n_each=3, among=scores)
    assert shown["kind"].tolist() == ["best"] * 3 + ["worst"] * 3
    assert shown["r_multiple"].is_monotonic_decreasing
    tradable = made.events[made.events["is_first"] & (made.events["quality"] == "clean")][KEYS]
    assert len(shown.merge(tradable, on=KEYS)) == 6
    closed = made.outcomes.query("entry_delay_minutes == 1 and status == 'closed'")
    closed = closed.merge(tradable, on=KEYS)
    assert shown["r_multiple"].iloc[0] == closed["r_multiple"].max()
    few = best_and_worst(made.events, closed.head(3), delay=1, n_each=3)
    assert len(few) == 3
    assert not few.duplicated(KEYS).any()


def test_every_scanner_is_in_every_slice():
    table = table_of(0.0)
    per_slice = table.groupby(["span", "slice_kind", "slice"])["scanner"].apply(tuple)
    assert set(per_slice) == {SCANNERS}
