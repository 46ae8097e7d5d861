"""The embedded default is a market folder like any other, and says what in it is simulated."""

import pandas as pd
import pytest

from trading_pipeline.adapters.market_folder import MarketFolder
from trading_pipeline.adapters.sample_source import SECTORS, write_sample_folder


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    minute = pd.DataFrame(
        {
            "symbol": "SIM01",
            "ts": pd.date_range("2022-12-27 14:30", periods=3, freq="min"),
            **dict.fromkeys(("open", "high", "low", "close"), 10.0),
            "volume": 100.0,
        }
    )
    return MarketFolder.open(write_sample_folder(tmp_path_factory.mktemp("raw") / "s", minute))


def test_the_sample_holds_twenty_stocks_and_the_index_with_closes_alone(sample):
    rows = sample.read_daily()
    assert rows["symbol"].nunique() == 21
    assert rows[["open", "high", "low", "volume"]].isna().all(axis=None)
    assert rows["close"].gt(0).all()
    assert rows["ts"].min() == pd.Timestamp("1990-01-02")
    assert sample.index_symbol == "SP500"


def test_every_stock_of_the_sample_has_its_sector(sample):
    stocks = sample.kinds().query("kind == 'equity' and not is_simulated")["symbol"]
    assert sorted(stocks) == sorted(SECTORS)
    assert sample.read_sectors()["symbol"].tolist() == sorted(SECTORS)


def test_only_the_minute_bars_of_the_sample_are_simulated(sample):
    kinds = sample.kinds().set_index("symbol")
    assert kinds.index[kinds["is_simulated"]].tolist() == ["SIM01"]
    assert kinds.loc["SP500", "kind"] == "index"
