"""The live scan against a vendor on loopback: gaps, restarts, late bars, and a silent vendor."""

import json
import subprocess

import pandas as pd
import pytest

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.automation.scan_feeds import ScanClock
from trading_pipeline.automation.scan_loop import SilentView
from trading_pipeline.commands.scan_context import session_context
from trading_pipeline.commands.scan_hooks import record_scan
from trading_pipeline.commands.scan_run import live_request, run_scan
from trading_pipeline.commands.scan_view import stale_words
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.selloffs.session_scan import SessionScan
from trading_pipeline_tests.adapters.vendors.scenes import KEYS
from trading_pipeline_tests.adapters.vendors.server import Market, Script, vendor_server
from trading_pipeline_tests.commands.scan_home import made_home
from trading_pipeline_tests.domain.scan_session import (
    DAY,
    MINUTE,
    SESSION,
    scanner_of,
    session_minutes,
)

N_SYMBOLS = 4
NAMES = ("open", "high", "low", "close")
# The session's last half hour is all that happens here: it keeps the tests short.
FIRST = 360
CRASH = 372


@pytest.fixture(scope="module")
def bars():
    """A whole session; one symbol crashes near its end."""
    made = session_minutes(N_SYMBOLS, 390, volatility=1.5e-3)
    crashed = (made["symbol"] == "S000") & (
        made["opens_at"] >= SESSION.opens_at + (CRASH - 1) * MINUTE
    )
    made.loc[crashed, list(NAMES)] *= 0.88
    return made


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    home = tmp_path_factory.mktemp("live") / "home"
    made_home(home, N_SYMBOLS, n_minutes=5)
    return home


class Vendor:
    """What the vendor has by a moment of a clock that sleeping moves."""

    def __init__(self, bars, now):
        self.bars, self.now = bars, now
        self.held = pd.Series(False, index=bars.index)
        self.silent_from = self.silent_to = SESSION.closes_at + 9999 * MINUTE
        self.n_asked = 0
        self.broken = ()
        self.per_call, self.per_minute = 100, 100_000

    def clock(self):
        return ScanClock(now=lambda: self.now, sleep=self.sleep)

    def sleep(self, seconds):
        # A day of polls in a blink: no wait is shorter than ten seconds.
        self.now += pd.Timedelta(seconds=max(seconds, 10.0))

    def body(self, asked):
        self.n_asked += 1
        if self.n_asked in self.broken:
            return b"{"
        since = pd.Timestamp(asked.params["start"])
        due = (self.bars["opens_at"] >= since) & (self.bars["closes_at"] <= self.now) & ~self.held
        due &= self.bars["symbol"].isin(asked.params["symbols"].split(","))
        if self.silent_from <= self.now < self.silent_to:
            due &= False
        by_symbol = {
            symbol: [
                {
                    "t": row.opens_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    **{k: getattr(row, n) for k, n in zip("ohlc", NAMES, strict=True)},
                    "v": row.volume,
                }
                for row in own.itertuples()
            ]
            for symbol, own in self.bars[due].groupby("symbol")
        }
        return json.dumps({"bars": by_symbol, "next_page_token": None}).encode()


class Seen(SilentView):
    """Keeps what the view was told of staleness and of problems."""

    def __init__(self):
        self.words = set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Nothing to close."""

    def show(self, state, new):  # noqa: ARG002 - the view is given both
        self.words |= {stale_words(state), state.problem}


@pytest.fixture
def scene(template, tmp_path, bars, monkeypatch):
    """A home, a vendor that begins in the session's last hours, and what starts a scan."""
    home = tmp_path / "home"
    subprocess.run(["cp", "-r", str(template), str(home)], check=True)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    vendor = Vendor(bars, SESSION.opens_at + FIRST * MINUTE)
    script = Script(Market(("S000",), DAY.date(), DAY.date()), bodies=vendor.body)
    with vendor_server(script) as server:
        config = ConfigStore(home).load().config

        def scan(**options):
            plan = {"symbols_per_call": vendor.per_call, "requests_per_minute": vendor.per_minute}
            alpaca = config.vendors.alpaca.model_copy(update={"base_url": server.url, **plan})
            vendors = config.vendors.model_copy(update={"alpaca": alpaca})
            polled = config.model_copy(update={"vendors": vendors})
            request = live_request(home, polled, "alpaca", clock=vendor.clock(), **options)
            view = Seen()
            summary, state = run_scan(request, view, record=record_scan)
            return summary, state, view

        yield home, vendor, scan


def alerts_of(home):
    return Warehouse(home, threads=1).read(
        "select * from selloffs.alerts order by detected_at, rank"
    )


def test_a_scan_started_in_session_withholds_the_past_and_tells_what_comes(scene):
    home, vendor, scan = scene
    summary, state, view = scan()
    told = alerts_of(home)
    assert summary.n_new == len(told) > 0
    old = told["detected_at"] < SESSION.opens_at + (FIRST - 3) * MINUTE
    assert old.any()
    assert (told.loc[~old, "status"] == "alert").all()
    assert not old.all()
    assert (told.loc[old, "status"] == "withheld").all()
    assert told.loc[old, "reason"].str.startswith("late").all()
    assert state.is_over
    assert view.words == {""}
    assert state.newest_close == SESSION.closes_at
    assert vendor.n_asked >= 390 - FIRST
    history = Warehouse(home, threads=1).read("select mode, n_events from scans.history")
    assert history.to_dict("records") == [{"mode": "live", "n_events": len(told)}]


def test_a_live_scan_of_one_symbol_knows_the_market_around_it_as_history_does(scene, bars):
    home, _, scan = scene
    scan(symbols=("S000",))
    warehouse = Warehouse(home, threads=1)
    config = ConfigStore(home).load().config
    context = session_context(warehouse.read, SESSION, sorted(set(bars["symbol"])), config)
    batch = SessionScan(DAY, context, config.selloffs).advance(bars)
    batch = batch[batch["symbol"] == "S000"].set_index("rung")
    told = alerts_of(home).set_index("rung")["features_json"].map(json.loads)
    assert set(told.index) == set(batch.index)
    for rung, features in told.items():
        for name in ("market_breadth_frac", "market_selloff_frac", "sector_change_today_frac"):
            known = batch.loc[rung, name]
            assert features[name] == known or (features[name] is None and pd.isna(known)), name
    assert batch["market_breadth_frac"].notna().all()


def test_where_the_plan_allows_too_few_calls_what_rests_on_the_market_is_missing(scene):
    home, vendor, scan = scene
    vendor.now += 20 * MINUTE
    vendor.per_call, vendor.per_minute = 1, N_SYMBOLS - 1
    scan(symbols=("S000", "S001"), is_once=True)
    features = alerts_of(home)["features_json"].map(json.loads)
    assert len(features) > 0
    assert {told["market_breadth_frac"] for told in features} == {None}
    assert {told["sector_change_today_frac"] for told in features} == {None}
    assert all(told["drop_frac"] < 0 for told in features)


def test_one_look_and_a_second_one_tell_each_fall_once(scene):
    home, vendor, scan = scene
    first, _, _ = scan(is_once=True)
    again, _, _ = scan(is_once=True)
    assert first.n_new == len(alerts_of(home)) > 0
    assert again.n_new == 0
    vendor.now += 20 * MINUTE
    scan(is_once=True)
    assert alerts_of(home)["alert_id"].is_unique


def test_a_silent_vendor_is_told_as_stale_and_what_it_held_back_is_withheld(scene, bars):
    home, vendor, scan = scene
    known = scanner_of(N_SYMBOLS).advance(bars, SESSION.closes_at)
    hit = SESSION.opens_at + CRASH * MINUTE
    vendor.silent_from, vendor.silent_to = hit - MINUTE, hit + 8 * MINUTE
    _, _, view = scan()
    clock = (hit - 2 * MINUTE).tz_convert("America/New_York")
    assert any(word.startswith("data stale since") for word in view.words)
    assert f"data stale since {clock:%H:%M}, withholding" in view.words
    told = alerts_of(home).set_index(["symbol", "rung"])
    missed = known[known["detected_at"] == hit]
    assert len(missed) > 0
    for row in missed.itertuples():
        said = told.loc[(row.symbol, row.rung)]
        assert said.status == "withheld"
        assert "late" in said.reason
    assert len(told) == len(known)


def test_a_vendor_that_fails_for_a_while_is_told_and_asked_again(scene):
    _, vendor, scan = scene
    vendor.broken = range(3, 6)
    _, state, view = scan()
    assert any("alpaca" in word and "failed" in word for word in view.words)
    assert state.newest_close == SESSION.closes_at


def test_a_live_scan_outside_a_session_is_refused_with_a_remedy(scene):
    _, vendor, scan = scene
    vendor.now = SESSION.closes_at + MINUTE
    with pytest.raises(InputError, match="--replay DATE"):
        scan()
    vendor.now = pd.Timestamp("2024-03-09 15:00", tz="UTC")
    with pytest.raises(InputError, match="no session"):
        scan()
