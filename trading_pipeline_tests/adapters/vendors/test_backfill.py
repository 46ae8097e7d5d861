"""A plan is fetched once: what is stored is not asked again, what may still change is."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.adapters.vendors import backfill
from trading_pipeline.adapters.vendors.alpaca import Alpaca
from trading_pipeline.adapters.vendors.backfill import check_rows
from trading_pipeline.adapters.vendors.plan import NEW_YORK, estimate, plan
from trading_pipeline.adapters.vendors.raw_store import Answered, RawStore
from trading_pipeline.contracts.errors import (
    InputError,
    VendorAnswerError,
    VendorDeadlineError,
    VendorError,
)
from trading_pipeline.contracts.vendors import Call, Wanted
from trading_pipeline_tests.adapters.vendors.scenes import (
    AS_OF,
    KEYS,
    Scene,
    days,
    plan_settings,
)

SYMBOLS = ("AAA", "BBB")
SPAN = days("2024-02-01", "2024-03-15")


def recorded(store, wanted, at):
    """Write down that a range was fetched at an instant, without rows."""
    call = Call("/x")
    store.record(Answered(wanted, call, 0, 200, "0" * 64, 2, 0, at, None))


def spans(wanted):
    return [(item.symbols, item.start.isoformat(), item.end.isoformat()) for item in wanted]


def test_what_was_fetched_is_not_asked_again(scene, script, market):
    done = scene.fetch(scene.plan(SYMBOLS, *SPAN))
    assert (done.pieces, done.rows) == (2, len(market.frame()))
    assert done.pages == len(script.arrivals) == 6
    assert scene.plan(SYMBOLS, *SPAN) == []
    pd.testing.assert_frame_equal(scene.rows(), market.frame())


def test_minutes_are_cut_by_month_daily_bars_by_year_others_not_at_all(scene):
    span = days("2022-11-15", "2024-01-10")
    months = spans(scene.plan(["AAA"], *span))
    assert months[0][1:] == ("2022-11-15", "2022-11-30")
    assert months[-1][1:] == ("2024-01-01", "2024-01-10")
    assert len(months) == 15
    years = spans(scene.plan(["AAA"], *span, dataset="daily"))
    assert [item[1] for item in years] == ["2022-11-15", "2023-01-01", "2024-01-01"]
    assert len(scene.plan(["AAA"], *span, dataset="corporate_actions")) == 1


def test_symbols_go_in_batches_and_only_those_that_lack_something(tmp_path, server):
    scene = Scene(tmp_path, server.url, settings=plan_settings(server.url, symbols_per_call=2))
    february = days("2024-02-01", "2024-02-29")
    scene.fetch(scene.plan(["BBB"], *february))
    assert [item.symbols for item in scene.plan(["CCC", "BBB", "AAA"], *february)] == [
        ("AAA", "CCC")
    ]
    assert [item.symbols for item in scene.plan(list("EDCBA"), *february)] == [
        ("A", "B"), ("C", "D"), ("E",),
    ]  # fmt: skip


def test_a_dataset_without_symbols_is_one_piece(scene):
    assert spans(scene.plan([], *SPAN, dataset="vix")) == [((), "2024-02-01", "2024-03-15")]


def test_the_current_piece_ends_at_the_date_in_new_york(scene):
    # 02:00 UTC is still the evening before in New York.
    as_of = datetime(2024, 3, 6, 2, tzinfo=UTC)
    assert spans(scene.plan(["AAA"], *SPAN, as_of=as_of))[-1][2] == "2024-03-05"
    assert scene.plan(["AAA"], *SPAN, as_of=datetime(2024, 1, 1, tzinfo=UTC)) == []


def test_what_was_fetched_soon_after_its_end_is_fetched_again_later(scene):
    evening = datetime(2024, 3, 12, 23, tzinfo=UTC)
    wanted = Wanted("alpaca", "minute", ("AAA",), date(2024, 3, 1), date(2024, 3, 12))
    recorded(scene.store, wanted, evening)
    march = days("2024-03-01", "2024-03-31")
    assert scene.plan(["AAA"], *march, as_of=evening + timedelta(minutes=50)) == []
    later = scene.plan(["AAA"], *march, as_of=evening + timedelta(days=1))
    # Settled is what was three whole days old: the 8th ended as the 9th began.
    assert spans(later) == [(("AAA",), "2024-03-09", "2024-03-13")]
    recorded(scene.store, later[0], evening + timedelta(days=20))
    assert spans(scene.plan(["AAA"], *march, as_of=evening + timedelta(days=30))) == [
        (("AAA",), "2024-03-14", "2024-03-31")
    ]


def test_macro_data_settle_only_when_late_releases_are_out(scene):
    wanted = Wanted("alpaca", "macro", ("CPI",), date(2024, 1, 1), date(2024, 3, 1))
    fetched = datetime(2024, 4, 1, tzinfo=UTC)
    recorded(scene.store, wanted, fetched)
    again = scene.plan(["CPI"], wanted.start, wanted.end, dataset="macro", as_of=AS_OF)
    assert spans(again) == [(("CPI",), "2024-01-01", "2024-03-01")]


ORIGIN = date(2024, 1, 1)
OFFSETS = st.integers(0, 120)


@given(
    chains=st.lists(
        st.tuples(
            st.sets(st.sampled_from("ABC"), min_size=1), OFFSETS, OFFSETS, st.integers(0, 40)
        ),
        max_size=8,
    ),
    span=st.tuples(OFFSETS, OFFSETS),
    as_of=OFFSETS,
    settle=st.integers(0, 10),
    per_call=st.integers(1, 3),
    dataset=st.sampled_from(["minute", "daily", "tickers"]),
)
def test_a_plan_asks_for_every_date_that_is_missing_once_and_for_no_other(
    tmp_path_factory, chains, span, as_of, settle, per_call, dataset
):
    store = RawStore(tmp_path_factory.mktemp("home"))
    now = datetime.combine(ORIGIN + timedelta(days=as_of), datetime.min.time(), NEW_YORK)
    covered = {name: set() for name in "ABC"}
    for names, first, length, late in chains:
        last = first + length // 4
        at = datetime.combine(
            ORIGIN + timedelta(days=last + late), datetime.min.time(), NEW_YORK
        ) + timedelta(hours=9)
        wanted = Wanted(
            "v", dataset, tuple(sorted(names)),
            ORIGIN + timedelta(days=first), ORIGIN + timedelta(days=last),
        )  # fmt: skip
        recorded(store, wanted, at)
        is_fresh = now - at < timedelta(hours=1)
        for name in names:
            covered[name] |= {
                day for day in range(first, last + 1) if is_fresh or last + late > day + settle
            }
    low, high = min(span), max(span)
    asked = plan(
        "v", dataset, "ABC", ORIGIN + timedelta(days=low), ORIGIN + timedelta(days=high),
        store=store, symbols_per_call=per_call, settle_days=settle, as_of=now,
    )  # fmt: skip
    cells = [
        (name, day)
        for item in asked
        for name in item.symbols
        for day in range((item.start - ORIGIN).days, (item.end - ORIGIN).days + 1)
    ]
    missing = {
        (name, day)
        for name in "ABC"
        for day in range(low, min(high, as_of) + 1)
        if day not in covered[name]
    }
    assert len(cells) == len(set(cells))
    assert set(cells) == missing
    assert all(len(item.symbols) <= per_call for item in asked)
    if dataset == "minute":
        assert all((i.start.year, i.start.month) == (i.end.year, i.end.month) for i in asked)


def test_a_fetch_that_was_cut_short_goes_on_from_its_last_page(scene, script, market):
    wanted = scene.plan(SYMBOLS, *SPAN)
    with pytest.raises(VendorError):
        scene.fetch(wanted, progress=lambda progress: stop_after(progress, pages=2))
    left = scene.plan(SYMBOLS, *SPAN)
    assert left == wanted
    scene.fetch(left)
    assert len(script.arrivals) == 6
    pd.testing.assert_frame_equal(scene.rows(), market.frame())


def stop_after(progress, pages):
    if progress.pages == pages:
        raise VendorError("stopped by the test")


def test_a_forgotten_page_token_begins_the_range_anew(scene, script, market):
    with pytest.raises(VendorError):
        scene.fetch(
            scene.plan(SYMBOLS, *SPAN), progress=lambda progress: stop_after(progress, pages=1)
        )
    script.fault = lambda asked: "422" if asked.number == 1 else None
    scene.fetch(scene.plan(SYMBOLS, *SPAN))
    assert len(script.arrivals) == 1 + 1 + 6
    pd.testing.assert_frame_equal(scene.rows(), market.frame())
    assert scene.store.open_chains("alpaca", "minute") == []


def test_a_revised_bar_replaces_the_one_before_it(scene, script, market):
    span = days("2024-03-11", "2024-03-15")
    evening = datetime(2024, 3, 15, 23, tzinfo=UTC)
    scene.warp._start = evening.timestamp()
    script.fault = lambda asked: "revised" if asked.number == 0 else None
    script.page_rows = 1000
    wanted = scene.plan(SYMBOLS, *span, as_of=evening)
    with pytest.raises(VendorError):
        scene.fetch(wanted, progress=lambda progress: stop_after(progress, pages=1))
    assert not scene.rows().equals(market.frame())
    scene.fetch(scene.plan(SYMBOLS, *span, as_of=evening + timedelta(days=9)))
    truth = market.frame()
    truth = truth[truth.ts >= "2024-03-11"].reset_index(drop=True)
    pd.testing.assert_frame_equal(scene.rows(), truth)


@pytest.mark.parametrize("fault", ["wrong symbol", "repeated token"])
def test_an_answer_that_stays_wrong_fails_its_piece_alone(scene, script, fault):
    script.fault = lambda asked: fault if asked.params["start"] < "2024-03" else None
    with pytest.raises(VendorAnswerError, match="1 of 2 pieces failed, the others are stored"):
        scene.fetch(scene.plan(SYMBOLS, *SPAN))
    assert [item.start for item in scene.plan(SYMBOLS, *SPAN)] == [date(2024, 2, 1)]


def test_a_symbol_the_vendor_refuses_does_not_take_others_with_it(scene, script, market):
    script.fault = lambda asked: "422" if "BAD" in asked.params["symbols"].split(",") else None
    with pytest.raises(VendorAnswerError, match="minute BAD 2024-02-01 to 2024-02-29"):
        scene.fetch(scene.plan((*SYMBOLS, "BAD"), *SPAN))
    pd.testing.assert_frame_equal(scene.rows(), market.frame())


def test_empty_pages_without_end_are_refused(scene, script):
    script.fault = lambda _: "empty page"
    with pytest.raises(VendorAnswerError, match="more than 20 empty pages"):
        scene.fetch(scene.plan(SYMBOLS, *days("2024-02-01", "2024-02-29")))
    assert max(item.page for item in scene.store.answered()) == 19


def test_pages_without_end_are_refused(scene, script, monkeypatch):
    monkeypatch.setattr(backfill, "MAX_PAGES", 5)
    script.page_rows = 1
    with pytest.raises(VendorAnswerError, match="more than 5 pages"):
        scene.fetch(scene.plan(SYMBOLS, *days("2024-02-01", "2024-02-29")))


def test_a_range_without_rows_is_covered(scene):
    empty = days("2024-05-01", "2024-05-31")
    assert scene.fetch(scene.plan(SYMBOLS, *empty)).rows == 0
    assert scene.plan(SYMBOLS, *empty) == []


def test_a_refused_key_ends_the_fetch_at_once(scene, script):
    script.fault = lambda _: "401"
    with pytest.raises(InputError, match="APCA_API_KEY_ID"):
        scene.fetch(scene.plan(SYMBOLS, *SPAN))
    assert len(script.arrivals) == 1


def test_progress_says_what_is_left(scene):
    seen = []
    scene.fetch(scene.plan(SYMBOLS, *SPAN), progress=seen.append)
    assert [(item.done, item.total) for item in seen] == [(0, 2)] * 3 + [(1, 2)] * 2 + [(2, 2)]
    assert [item.rows for item in seen] == [100, 200, 300, 336, 436, 512]
    assert seen[0].eta_seconds is None
    assert seen[-1].eta_seconds == 0
    ratio = seen[3].eta_seconds / seen[3].seconds
    assert ratio == pytest.approx(15 / 29)


def test_an_estimate_uses_what_the_ledger_has_seen(scene):
    wanted = scene.plan(SYMBOLS, *days("2021-01-01", "2023-12-31"))
    settings = plan_settings("", requests_per_minute=10, page_limit=1000)
    first = estimate(wanted, store=scene.store, settings=settings)
    assert first.pieces == 36
    assert first.rows == 2 * 1095 * 400
    assert first.minutes == first.pages / 10
    scene.fetch(scene.plan(SYMBOLS, *SPAN))
    second = estimate(wanted, store=scene.store, settings=settings)
    assert second.rows == pytest.approx(2 * 1095 * 512 / (2 * 44), abs=1)
    assert second.pages == 36


def bars(**columns):
    shape = {"symbol": ["AAA"], "ts": pd.to_datetime(["2024-02-02 14:30"])}
    return pd.DataFrame(shape | columns)


@pytest.mark.parametrize(
    ("rows", "is_good"),
    [
        (bars(), True),
        (bars(symbol=["ZZZ"]), False),
        (bars(ts=pd.to_datetime(["2024-02-01 04:59"])), False),
        (bars(ts=pd.to_datetime(["2024-02-01 05:00"])), True),
        (bars(ts=pd.to_datetime(["2024-03-01 04:59"])), True),
        (bars(ts=pd.to_datetime(["2024-03-01 05:00"])), False),
        (bars(ts=pd.to_datetime([None])), False),
        (bars().iloc[:0], True),
    ],
)
def test_rows_belong_to_the_symbols_and_new_york_dates_asked_for(rows, is_good):
    wanted = Wanted("alpaca", "minute", ("AAA",), *days("2024-02-01", "2024-02-29"))
    if is_good:
        check_rows(wanted, rows)
    else:
        with pytest.raises(VendorAnswerError):
            check_rows(wanted, rows)


def test_dates_of_sessions_are_not_shifted():
    wanted = Wanted("alpaca", "daily", ("AAA",), *days("2024-02-01", "2024-02-29"))
    check_rows(wanted, bars(ts=pd.to_datetime(["2024-02-01"])))
    with pytest.raises(VendorAnswerError):
        check_rows(wanted, bars(ts=pd.to_datetime(["2024-03-01"])))


def test_the_deadline_is_of_all_pieces_together(scene, script):
    slow = replace_limit(scene, 1)
    with pytest.raises(VendorDeadlineError):
        slow.fetch(slow.plan(SYMBOLS, *SPAN), deadline_seconds=150)
    assert len(script.arrivals) == 3
    assert scene.warp.monotonic() < 150


def replace_limit(scene, per_minute):
    scene.settings = scene.settings.model_copy(update={"requests_per_minute": per_minute})
    return scene


def test_lines_of_the_ledger_are_json_with_the_call(scene):
    scene.fetch(scene.plan(SYMBOLS, *days("2024-02-01", "2024-02-29")))
    lines = [json.loads(line) for line in scene.store.ledger.read_text().splitlines()]
    assert [line["page"] for line in lines] == [0, 1, 2, 3]
    assert [line["is_last"] for line in lines] == [False, False, False, True]
    assert lines[1]["path"] == lines[0]["next"]["path"] == "/v2/stocks/bars"
    assert lines[1]["params"] == lines[0]["next"]["params"]
    assert lines[0]["fetched_at"].startswith("2026-06-01T12:")


class Careless(Alpaca):
    """A vendor that reads whatever came."""

    def parse(self, wanted, call, body):
        return super().parse(replace(wanted, symbols=()), call, body)


def test_what_a_careless_reader_lets_pass_is_still_not_recorded(scene, script):
    scene.vendor = Careless(scene.settings, KEYS)
    faults = iter(["wrong symbol", "wrong symbol"])
    script.fault = lambda _: next(faults, None)
    february = days("2024-02-01", "2024-02-29")
    assert scene.fetch(scene.plan(["AAA"], *february)).rows == len(scene.rows())
    assert set(scene.rows().symbol) == {"AAA"}
    script.fault = lambda _: "wrong symbol"
    with pytest.raises(VendorAnswerError, match="rows of WRONG came"):
        scene.fetch(scene.plan(["BBB"], *february))
    assert set(scene.rows().symbol) == {"AAA"}
