"""A home with minute bars of a few made symbols, for the tests of the scan."""

import pandas as pd

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.lake import Lake
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.contracts.provenance import Provenance
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.domain.scan_session import DAY, session_minutes, symbols_of

STAMP = Provenance("run-1", "code-1", "data-1", "config-1", "inputs-1", 1.0, "{}")
N_SYMBOLS = 6


def made_home(home, n_symbols=N_SYMBOLS, flags=None, **minutes):
    """Make a home whose bars.minute hold one session of so many symbols; return its bars."""
    ConfigStore(home).save(load_settings(environment={}, flags=flags or {}))
    warehouse = Warehouse(home, threads=1, lock_wait_seconds=10)
    warehouse.migrate()
    bars = session_minutes(n_symbols, **minutes)
    Lake(warehouse).write_frame("bars.minute", bars, STAMP)
    universe = pd.DataFrame(
        {
            "symbol": symbols_of(n_symbols),
            "kind": "equity",
            "is_index": False,
            "first_date": DAY,
            "last_date": DAY,
            "n_sessions": 1,
            "is_delisted": False,
            "is_simulated": True,
        }
    )
    warehouse.replace("bars.universe", universe, STAMP)
    warehouse.replace("bars.daily", daily_bars(n_symbols), STAMP)
    return bars


def daily_bars(n_symbols):
    """Return the last thirty daily bars of each symbol, the scanned session's among them."""
    table = session_table()
    last = table[table["session_date"].between(DAY - pd.Timedelta(days=44), DAY)]
    daily = last.merge(pd.DataFrame({"symbol": symbols_of(n_symbols)}), how="cross")
    wave = 50.0 + daily["session"] % 7 * 0.3
    return pd.DataFrame(
        {
            **{name: daily[name] for name in ("symbol", "session_date", "session")},
            "open": wave,
            "high": wave + 0.5,
            "low": wave - 0.5,
            "close": wave + 0.1,
            "volume": 1e6,
            "vwap": wave,
            "adj_factor": 1.0,
            "prices": "raw",
            "has_vendor_seam": False,
            "vendor": "made",
            "known_at": daily["closes_at"],
        }
    )
