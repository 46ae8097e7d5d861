"""Rules of axes: round ticks inside the range, dates at calendar steps."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.reports.scales import (
    Scale,
    count,
    day_numbers,
    linear_ticks,
    log_ticks,
    padded_range,
    percent,
    plain,
    thin,
    time_ticks,
)

finite = st.floats(-1e6, 1e6, allow_nan=False)


@given(low=finite, span=st.floats(1e-3, 1e6), n=st.integers(2, 12))
def test_linear_ticks_are_few_and_lie_inside_the_scale(low: float, span: float, n: int) -> None:
    scale = Scale(low, low + span, 0, 100)
    values = [tick.value for tick in linear_ticks(scale, n, plain)]
    slack = span * 1e-6
    assert len(values) <= n + 1
    assert all(scale.low - slack <= value <= scale.high + slack for value in values)
    assert values == sorted(values)


def test_zero_is_never_written_with_a_minus_sign() -> None:
    labels = [t.label for t in linear_ticks(Scale(-0.02, 0.05, 0, 100), 5, percent)]
    assert "0 %" in labels
    assert "−0 %" not in labels


def test_ticks_of_one_axis_have_equally_many_decimals() -> None:
    labels = [t.label for t in linear_ticks(Scale(0.49, 0.53, 0, 100), 6, plain)]
    assert len({len(label) for label in labels}) == 1


@given(start=st.dates(date(1990, 1, 1), date(2040, 12, 31)), days=st.integers(3, 12_000))
def test_time_ticks_are_at_most_as_many_as_asked(start: date, days: int) -> None:
    first = float(day_numbers([start])[0])
    ticks = time_ticks(Scale(first, first + days, 0, 800), 10)
    assert len(ticks) <= 11
    assert all(first <= tick.value <= first + days for tick in ticks)


def test_nineteen_years_are_ticked_at_even_years() -> None:
    low, high = day_numbers(["2004-07-01", "2023-12-29"])
    labels = [t.label for t in time_ticks(Scale(low, high, 0, 800), 10)]
    assert labels == [str(year) for year in range(2006, 2024, 2)]


def test_a_log_scale_maps_equal_ratios_to_equal_distances() -> None:
    pixels = Scale(1, 100, 0, 200, "log")([1, 10, 100])
    assert pixels == pytest.approx([0, 100, 200])
    assert [t.value for t in log_ticks(Scale(1, 100, 0, 200, "log"), 5, plain)] == [
        1, 2, 5, 10, 20, 50, 100,
    ]  # fmt: skip


@given(n=st.integers(0, 5000), limit=st.integers(2, 600))
def test_thinning_keeps_both_ends_and_the_limit(n: int, limit: int) -> None:
    kept = thin(n, limit)
    assert len(kept) <= limit or len(kept) == n
    assert n == 0 or (kept[0] == 0 and kept[-1] == n - 1)


def test_missing_dates_and_values_stay_missing() -> None:
    assert np.isnan(day_numbers([pd.NaT])[0])
    assert padded_range([np.nan, 1.0, 3.0]) == pytest.approx((0.9, 3.1))
    assert padded_range([np.nan]) == (0.0, 1.0)


def test_instants_are_placed_by_utc() -> None:
    noon = pd.DatetimeIndex(["2024-01-02 07:00"], tz="America/New_York")
    assert day_numbers(noon)[0] == pytest.approx(day_numbers(["2024-01-02"])[0] + 0.5)


def test_counts_are_marked_at_whole_numbers() -> None:
    for high in (1.0, 3.0, 14.0, 30.0, 400.0):
        ticks = linear_ticks(Scale(0.0, high, 0.0, 100.0), 12, count)
        assert all(tick.value == round(tick.value) for tick in ticks)
        assert len({tick.label for tick in ticks}) == len(ticks)
