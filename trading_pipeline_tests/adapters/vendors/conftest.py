"""A server, a home and a scene for the tests of the fetch engine."""

import pytest

from trading_pipeline_tests.adapters.vendors.scenes import Scene, WarpClock, days
from trading_pipeline_tests.adapters.vendors.server import Market, Script, vendor_server


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """The loopback server is asked directly, whatever the machine does otherwise."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def market():
    """Two symbols over six weeks, eight bars a day."""
    return Market(("AAA", "BBB"), *days("2024-02-01", "2024-03-15"))


@pytest.fixture
def warp():
    return WarpClock()


@pytest.fixture
def script(market, warp):
    return Script(market, page_rows=100, clock=warp.monotonic, wall=warp.wall)


@pytest.fixture
def server(script):
    with vendor_server(script) as running:
        yield running


@pytest.fixture
def scene(tmp_path, server, warp):
    return Scene(tmp_path / "home", server.url, clock=warp)
