"""Whatever the vendor does, no bar is lost or doubled, no limit is passed, no deadline missed."""

import random
from datetime import date, timedelta

import pandas as pd
import pytest

from trading_pipeline.contracts.errors import VendorDeadlineError, VendorError
from trading_pipeline_tests.adapters.vendors.scenes import (
    Scene,
    WarpClock,
    most_in_a_minute,
    plan_settings,
)
from trading_pipeline_tests.adapters.vendors.server import (
    BROKEN,
    ODD,
    Market,
    Script,
    vendor_server,
)

SCENARIOS_SHORT = range(120)
SCENARIOS_LONG = range(1000)
# Waiting on purpose costs real time: these faults are rarer than the others.
SLOW = ("time-out", "slow body")
TIMEOUT_SECONDS = 0.25
# A thread that is due may start late on a busy machine.
LATENESS_SECONDS = 2.0


@pytest.fixture(scope="module")
def server():
    with vendor_server(Script(Market(("A",), date(2024, 1, 2), date(2024, 1, 2)))) as running:
        yield running


def scripted(chance, market, clock):
    """Return a script drawn from a seed: some faults of the way, some oddities of the content."""
    broken = chance.uniform(0, 0.5)
    odd = chance.uniform(0, 0.5)
    draw = random.Random(chance.random())
    longest = chance.choice([2.0, 30.0, 200.0, 5000.0])

    def fault(_asked):
        if draw.random() < broken:
            found = draw.choice(BROKEN)
            return found if found not in SLOW or draw.random() < 0.15 else "500"
        return draw.choice(ODD) if draw.random() < odd else None

    return Script(
        market,
        fault,
        page_rows=chance.randint(3, 12),
        retry_after=lambda: draw.uniform(0.5, longest),
        clock=clock.monotonic,
        wall=clock.wall,
        seed=chance.randint(0, 10**6),
    )


def run_scenario(seed, server, home):
    """Fetch through one drawn scene, again and again until it is done, and judge what is stored."""
    chance = random.Random(seed)
    start = date(2024, 3, 7) + timedelta(days=chance.randint(0, 20))
    end = start + timedelta(days=chance.randint(1, 4))
    symbols = ("AAA", "BBB", "CCC")[: chance.randint(1, 3)]
    market = Market(symbols, start, end, bars_per_day=chance.randint(1, 9))
    clock = WarpClock()
    server.script = script = scripted(chance, market, clock)
    per_minute = chance.choice([1, 3, 10, 50])
    name = chance.choice(["alpaca", "massive"])
    settings = plan_settings(
        server.url,
        requests_per_minute=per_minute,
        symbols_per_call=1 if name == "massive" else chance.choice([1, 2, 50]),
    )
    scene = Scene(
        home, server.url, name=name, clock=clock, settings=settings,
        timeout_seconds=TIMEOUT_SECONDS, max_attempts=6, backoff_seconds=0.5,
        max_backoff_seconds=20.0,
    )  # fmt: skip
    failed = []
    while wanted := scene.plan(symbols, start, end):
        assert len(failed) < 200, "no end to it"
        seconds = chance.choice([20.0, 300.0, 10_000.0])
        begun = clock.monotonic()
        try:
            scene.fetch(wanted, deadline_seconds=seconds, seed=seed)
        except VendorError as error:
            failed.append(error)
        assert clock.monotonic() <= begun + seconds + LATENESS_SECONDS
        assert all(at <= begun + seconds + LATENESS_SECONDS for at in scene.sent)
    truth = market.frame()
    if truth.empty:
        assert not any(item.n_rows for item in scene.store.answered())
    else:
        pd.testing.assert_frame_equal(scene.rows(), truth)
    assert all("6 times" in str(e) or isinstance(e, VendorDeadlineError) for e in failed)
    assert len(scene.sent) >= len(script.arrivals)
    assert most_in_a_minute(scene.sent) <= per_minute
    return script


def run_all(seeds, server, folder):
    seen = set()
    for seed in seeds:
        try:
            seen.update(run_scenario(seed, server, folder / str(seed)).served)
        except BaseException as error:
            error.add_note(f"in scenario {seed}")
            raise
    return seen


def test_no_bar_is_lost_or_doubled_whatever_the_vendor_does(server, tmp_path):
    seen = run_all(SCENARIOS_SHORT, server, tmp_path)
    assert seen >= {*BROKEN, *ODD, "good"}


@pytest.mark.long
def test_no_bar_is_lost_or_doubled_in_a_thousand_scenarios(server, tmp_path):
    run_all(SCENARIOS_LONG, server, tmp_path)
