"""Rules that every picture keeps: whole, labelled, small, the same at every call."""

import base64
import re
from collections.abc import Callable
from dataclasses import fields
from functools import lru_cache
from xml.etree import ElementTree

import pandas as pd
import pytest

from trading_pipeline.contracts.report import ReportPayload
from trading_pipeline.reports import plots
from trading_pipeline_tests.reports.payloads import full_payload

Draw = Callable[[ReportPayload, int], str]
PLOTS: dict[str, Draw] = {
    "coverage": lambda p, w: plots.plot_coverage(p.coverage, p.coverage_months, w),
    "quarantine": lambda p, w: plots.plot_quarantine(p.quarantine, w),
    "price": lambda p, w: plots.plot_price_regimes(p.index_bars, p.regimes, p.events, w),
    "regime counts": lambda p, w: plots.plot_regime_counts(p.regimes, w),
    "archive": lambda p, w: plots.plot_archive(p.archive, w),
    "families": lambda p, w: plots.plot_feature_families(p.catalog, p.selected, w),
    "labels": lambda p, w: plots.plot_label_balance(p.labels, w),
    "folds": lambda p, w: plots.plot_folds(p.folds, w),
    "sweeps": lambda p, w: plots.plot_sweep_history(p.trials, w),
    "sweeps by profit": lambda p, w: plots.plot_sweep_history(p.trials, w, "profit"),
    "oof": lambda p, w: plots.plot_oof(p.oof, w),
    "roc by regime": lambda p, w: plots.plot_roc(p.holdout, "regime", w),
    "roc by learner": lambda p, w: plots.plot_roc(p.holdout, "learner", w),
    "calibration": lambda p, w: plots.plot_calibration(p.holdout, w),
    "scores": lambda p, w: plots.plot_scores(p.scores, w),
    "validation": lambda p, w: plots.plot_validation(p.validation, w),
    "effects": lambda p, w: plots.plot_effects(p.effects, w),
    "importance": lambda p, w: plots.plot_importance(p.explanations, w),
    "equity": lambda p, w: plots.plot_equity(p.equity, w),
    "months": lambda p, w: plots.plot_monthly_returns(p.monthly, w),
    "other costs": lambda p, w: plots.plot_cost_sensitivity(p.sensitivity, w),
    "falls": lambda p, w: plots.plot_drawdowns(p.drawdowns, w),
    "drift": lambda p, w: plots.plot_drift(p.drift_features, p.drift_sessions, width=w),
    "selloffs": lambda p, w: plots.plot_selloffs(p.selloffs, w),
    "trades of falls": lambda p, w: plots.plot_selloff_gallery(
        p.selloff_trades, p.selloff_minutes, w
    ),
    "reliability of falls": lambda p, w: plots.plot_selloff_reliability(p.selloff_scores, w),
    "equity of scanners": lambda p, w: plots.plot_selloff_equity(p.selloff_equity, w),
    "falls by hour": lambda p, w: plots.plot_selloff_hours(p.selloff_offered, w),
    "features of falls": lambda p, w: plots.plot_selloff_features(p.selloff_features, w),
    "scanners": lambda p, w: plots.plot_selloff_scanners(p.selloff_backtest, w),
}


@lru_cache(maxsize=1)
def payload() -> ReportPayload:
    return full_payload()


def emptied(full: ReportPayload) -> ReportPayload:
    """Return the payload with every frame cut to no rows."""
    values = {field.name: getattr(full, field.name) for field in fields(full)}
    cut = {k: v.iloc[:0] if isinstance(v, pd.DataFrame) else v for k, v in values.items()}
    return ReportPayload(**cut)


@pytest.mark.parametrize("width", [960, 370])
@pytest.mark.parametrize("name", PLOTS)
def test_a_picture_is_sound_labelled_and_stays_inside_its_frame(name: str, width: int) -> None:
    svg = PLOTS[name](payload(), width)
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("aria-label")
    assert root.get("viewBox", "").startswith(f"0 0 {width} ")
    assert "NaN" not in svg
    assert "nan" not in re.sub(r"[a-z]+nan[a-z]*|nan[a-z]+", "", svg)
    height = float(root.get("viewBox", "").split()[3])
    for mark in root.iter():
        for key, limit in (("x", width), ("cx", width), ("y", height), ("cy", height)):
            if (value := mark.get(key)) is not None:
                assert -1 <= float(value) <= limit + 1, (mark.tag, key, value)


@pytest.mark.parametrize("name", PLOTS)
def test_nothing_to_draw_gives_a_picture_that_says_why(name: str) -> None:
    svg = PLOTS[name](emptied(payload()), 960)
    ElementTree.fromstring(svg)
    assert "Nothing to show: " in svg


@pytest.mark.parametrize("name", PLOTS)
def test_a_picture_does_not_depend_on_the_order_of_the_rows(name: str) -> None:
    full = payload()
    values = {field.name: getattr(full, field.name) for field in fields(full)}
    ordered = {"catalog", "selected", "folds", "selloff_trades"}
    shuffled = {
        k: v.sample(frac=1, random_state=2)
        if isinstance(v, pd.DataFrame) and k not in ordered
        else v
        for k, v in values.items()
    }
    assert PLOTS[name](ReportPayload(**shuffled), 960) == PLOTS[name](full, 960)


@pytest.mark.parametrize("name", PLOTS)
def test_a_picture_in_markdown_is_under_sixty_kilobytes(name: str) -> None:
    image = plots.as_markdown_image(PLOTS[name](payload(), 960), name)
    assert len(image) < 60_000
    encoded = image.removeprefix(f"![{name}](data:image/svg+xml;base64,").removesuffix(")")
    assert base64.b64decode(encoded).startswith(b"<svg")


def test_a_line_has_at_most_six_hundred_points() -> None:
    p = payload()
    svg = plots.plot_price_regimes(p.index_bars, None, None)
    longest = max(svg.count("L", *m.span()) for m in re.finditer(r' d="[^"]*"', svg))
    assert longest <= 600


def test_all_eight_events_are_named() -> None:
    p = payload()
    for width in (960, 370):
        svg = plots.plot_price_regimes(p.index_bars, p.regimes, p.events, width)
        assert all(event.replace("_", " ") in svg for event in p.events["event"])


def test_a_score_that_is_not_assessable_is_said_in_words() -> None:
    svg = plots.plot_scores(payload().scores)
    assert "not assessable (0.0 horizons)" in svg


def test_importance_marks_a_sign_that_flips_and_names_the_regimes_it_cannot_tell() -> None:
    svg = plots.plot_importance(payload().explanations)
    assert svg.count(">±<") == 1
    assert "Not assessable: crash (3.0 horizons) and recovery (2.0 horizons)." in svg


def test_names_from_the_data_are_escaped() -> None:
    universe = payload().coverage.assign(symbol="<script>alert(1)</script>")
    assert "<script" not in plots.plot_coverage(universe)
