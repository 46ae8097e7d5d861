"""Source `sample` as a market folder: real daily closes from skfolio, simulated minute bars beside.

Real: closes of 20 large US stocks and the S&P 500 from 1990 to 2022, bundled with skfolio, so that
no key and no network is needed. They have no open, high, low or volume; none is made up. The
stocks are adjusted for splits and dividends, the index is a price index.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from trading_pipeline.adapters.market_writer import write_market_folder

INDEX_SYMBOL = "SP500"
VENDOR = "skfolio"
SIMULATED_VENDOR = "simulated"
# GICS sectors as published by S&P and MSCI (classification of 2023), public knowledge.
SECTORS = {
    "AAPL": "Information Technology",
    "AMD": "Information Technology",
    "BAC": "Financials",
    "BBY": "Consumer Discretionary",
    "CVX": "Energy",
    "GE": "Industrials",
    "HD": "Consumer Discretionary",
    "JNJ": "Health Care",
    "JPM": "Financials",
    "KO": "Consumer Staples",
    "LLY": "Health Care",
    "MRK": "Health Care",
    "MSFT": "Information Technology",
    "PEP": "Consumer Staples",
    "PFE": "Health Care",
    "PG": "Consumer Staples",
    "RRC": "Energy",
    "UNH": "Health Care",
    "WMT": "Consumer Staples",
    "XOM": "Energy",
}


def write_sample_folder(
    target: Path, minute: pd.DataFrame, quotes: pd.DataFrame | None = None
) -> Path:
    """Write the embedded default as a market folder in place of an older one; return `target`.

    Args:
        target: Folder to make.
        minute: Simulated minute bars of fictitious symbols: symbol, ts (naive UTC start), open,
            high, low, close [USD], volume [shares]. May be empty.
        quotes: Simulated quotes: symbol, ts, bid_close, ask_close, bid_size, ask_size; or None.

    Raises:
        InputError: The folder cannot be written.
    """
    from skfolio.datasets import load_sp500_dataset, load_sp500_index

    tables = {
        "daily/equities": _closes(load_sp500_dataset()),
        "daily/index": _closes(load_sp500_index()),
        "sectors": pd.DataFrame({"symbol": list(SECTORS), "gics_sector": list(SECTORS.values())}),
        "minute/simulated": minute,
        "quotes/simulated": pd.DataFrame() if quotes is None else quotes,
    }
    simulated = {"vendor": SIMULATED_VENDOR, "interval": "1m", "prices": "raw", "simulated": True}
    daily = {"vendor": VENDOR, "interval": "1d"}
    manifest: dict[str, Any] = {
        "index_symbol": INDEX_SYMBOL,
        "vendor_order": [VENDOR, SIMULATED_VENDOR],
        "files": {
            "daily/equities.parquet": {**daily, "prices": "total"},
            "daily/index.parquet": {**daily, "prices": "raw", "kind": "index"},
            "minute/simulated.parquet": simulated,
            "quotes/simulated.parquet": simulated,
        },
    }
    return write_market_folder(target, tables, manifest, replace=True)


def _closes(wide: pd.DataFrame) -> pd.DataFrame:
    """Return a table of closes by date and symbol as rows of symbol, ts, close, gaps left out."""
    rows = wide.rename_axis(index="ts").reset_index().melt("ts", var_name="symbol")
    closes = rows.rename(columns={"value": "close"}).dropna(subset="close")
    return closes[["symbol", "ts", "close"]].sort_values(["symbol", "ts"], ignore_index=True)
