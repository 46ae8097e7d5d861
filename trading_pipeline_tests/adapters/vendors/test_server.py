"""The scripted server answers in the shape the vendors were seen to answer in."""

import json
from pathlib import Path

import httpx
import pytest

from trading_pipeline_tests.adapters.vendors.scenes import days
from trading_pipeline_tests.adapters.vendors.server import Market, Script, vendor_server

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "vendor_samples"
ALPACA = SAMPLES / "alpaca" / "test_historical_stock_data" / "get_bars.json"
MASSIVE = SAMPLES / "polygon/v2/aggs/ticker/AAPL/range/1/day/2005-04-01/2005-04-04.json"
# Members a bar may lack.
SPARE = {"n", "vw"}

pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="recorded vendor answers (../shared/vendor_samples) are not here"
)


@pytest.fixture
def ask():
    market = Market(("AAPL",), *days("2024-02-01", "2024-02-02"))
    with vendor_server(Script(market, page_rows=10)) as server:
        yield lambda path, **params: httpx.get(
            server.url + path, params=params, trust_env=False
        ).json()


def kinds(bar):
    """Return the members of a bar that matter, and whether each is a text or a number."""
    return {name: isinstance(value, str) for name, value in bar.items() if name not in SPARE}


def test_alpaca_bars_look_like_recorded_ones(ask):
    recorded = json.loads(ALPACA.read_text())["body"]
    span = {"start": "2024-02-01T05:00:00Z", "end": "2024-02-03T04:59:59Z"}
    made = ask("/v2/stocks/bars", symbols="AAPL", **span)
    assert set(made) == set(recorded)
    assert kinds(made["bars"]["AAPL"][0]) == kinds(recorded["bars"]["AAPL"][0])
    assert isinstance(made["next_page_token"], str)
    assert isinstance(recorded["next_page_token"], str)
    rest = ask("/v2/stocks/bars", symbols="AAPL", page_token=made["next_page_token"], **span)
    assert rest["next_page_token"] is None
    assert len(made["bars"]["AAPL"]) + len(rest["bars"]["AAPL"]) == 16


def test_massive_bars_look_like_recorded_ones(ask):
    recorded = json.loads(MASSIVE.read_text())["body"]
    made = ask("/v2/aggs/ticker/AAPL/range/1/minute/2024-02-01/2024-02-01")
    assert set(made) == set(recorded)
    assert kinds(made["results"][0]) == kinds(recorded["results"][0])
    assert (made["status"], made["resultsCount"]) == ("OK", 8)
