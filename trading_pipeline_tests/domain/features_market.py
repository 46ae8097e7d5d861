"""A small market with every awkward thing features must bear, and the real one where present."""

from pathlib import Path

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars.sessions import (
    DECISION_TIME,
    VIX_TIME,
    at_new_york,
    session_table,
)
from trading_pipeline_tests.domain.features_events import made_events

MARKET = Path(__file__).resolve().parents[3] / "shared" / "market"
FIRST = 5500  # an ordinal in 2006


def made_market(n_symbols=6, n_sessions=420, seed=3):
    """Return the frames build_daily_features reads, by argument name; from 402 sessions on.

    AAA is whole; BBB lists late and splits; CCC is delisted; DDD pauses and has a vendor seam; EEE
    misses volume here and there, and one bar is withheld for a session; FFF has closes only; the
    rest are whole.
    """
    rng = np.random.default_rng(seed)
    calendar = session_table().iloc[FIRST : FIRST + n_sessions]
    names = [letter * 3 for letter in "ABCDEF"] + [f"S{i:03d}" for i in range(n_symbols - 6)]
    parts = [_bars(name, calendar, rng) for name in [*names[:n_symbols], "ETF", "IDX"]]
    bars = pd.concat(parts, ignore_index=True)
    at = bars["session"] - FIRST
    of = bars["symbol"]
    split = (of == "BBB") & (at < 380)
    bars.loc[split, ["open", "high", "low", "close"]] *= 4.0
    bars.loc[split, "volume"] /= 4.0
    bars.loc[split, "adj_factor"] = 0.25
    bars.loc[(of == "DDD") & (at == 60), "has_vendor_seam"] = True
    bars.loc[(of == "EEE") & at.isin([5, 40, 41]), "volume"] = np.nan
    bars.loc[(of == "EEE") & (at == 90), "volume"] = 0.0
    withheld = (of == "EEE") & (at == 400)
    later = calendar["closes_at"].iloc[401]
    bars.loc[withheld, "known_at"] = later
    bars.loc[withheld, ["open", "high", "low", "close"]] *= 6.0
    bars.loc[of == "FFF", ["open", "high", "low", "volume"]] = np.nan
    dropped = ((of == "BBB") & (at < 30)) | ((of == "CCC") & (at > 300))
    dropped |= (of == "DDD") & at.between(30, 45)
    bars = bars[~dropped].reset_index(drop=True)

    symbols = bars["symbol"].unique()
    universe = pd.DataFrame(
        {
            "symbol": symbols,
            "kind": ["etf" if s == "ETF" else "index" if s == "IDX" else "equity" for s in symbols],
            "is_index": symbols == "IDX",
        }
    )
    dates = calendar["session_date"].to_numpy()
    level = 20 * np.exp(np.cumsum(rng.normal(0, 0.05, n_sessions)))
    vix = pd.DataFrame(
        {
            "session_date": dates,
            "open": level,
            "high": level,
            "low": level,
            "close": level,
            "known_at": at_new_york(dates, VIX_TIME),
        }
    )
    words = np.array(["normal", "crash", "unknown", "low_volatility"])
    regimes = pd.DataFrame(
        {
            "session_date": dates,
            "session": calendar["session"].to_numpy(),
            "regime": words[rng.integers(0, 4, n_sessions)],
            "known_at": at_new_york(dates, DECISION_TIME),
        }
    )
    sectors = pd.DataFrame(
        {"symbol": names, "gics_sector": [None, *(["Energy", "Health"] * n_symbols)][: len(names)]}
    )
    return {
        "bars": bars,
        "universe": universe,
        "regimes": regimes,
        "vix": vix.drop(index=[70]),
        "sectors": sectors,
        **made_events(names[:n_symbols], calendar),
    }


def _bars(name, calendar, rng):
    """Return one symbol's bars over the calendar, a random walk around 50 USD."""
    n = len(calendar)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, n)))
    opened = close * np.exp(rng.normal(0, 0.01, n))
    return pd.DataFrame(
        {
            "symbol": name,
            "session_date": calendar["session_date"].to_numpy(),
            "session": calendar["session"].to_numpy(),
            "open": opened,
            "high": np.maximum(opened, close) * np.exp(rng.exponential(0.005, n)),
            "low": np.minimum(opened, close) * np.exp(-rng.exponential(0.005, n)),
            "close": close,
            "volume": np.exp(rng.normal(14, 0.4, n)).round(),
            "adj_factor": 1.0,
            "prices": "raw",
            "has_vendor_seam": False,
            "vendor": "made",
            "known_at": calendar["closes_at"].to_numpy(),
        }
    ).astype({"known_at": "datetime64[ns, UTC]"})


def real_market(n_symbols):
    """Return the frames of the first symbols of the real market folder, lightly cleaned."""
    calendar = session_table()
    wanted = pd.read_parquet(MARKET / "daily" / "equities_stooq.parquet")
    chosen = sorted(wanted["symbol"].unique())[:n_symbols]
    etfs = pd.read_parquet(MARKET / "daily" / "etfs_stooq.parquet")
    bars = pd.concat([wanted[wanted["symbol"].isin(chosen)], etfs[etfs["symbol"] == "SPY"]])
    bars = bars.assign(session_date=bars["ts"].astype("datetime64[ns]"))
    bars = bars.merge(calendar[["session_date", "session", "closes_at"]], on="session_date")
    sound = bars["close"].between(bars["low"], bars["high"])
    sound &= bars["open"].between(bars["low"], bars["high"])
    bars = bars[sound].rename(columns={"closes_at": "known_at"})
    bars = bars.assign(adj_factor=1.0, prices="total", has_vendor_seam=False)
    vix = pd.read_parquet(MARKET / "vix.parquet")
    vix = vix.assign(session_date=vix["ts"].astype("datetime64[ns]"))
    vix = vix.assign(known_at=at_new_york(vix["session_date"], VIX_TIME))
    dates = vix["session_date"]
    regimes = pd.DataFrame(
        {
            "session_date": dates,
            "regime": np.where(vix["close"] > 35, "crash", "normal"),
            "known_at": at_new_york(dates, DECISION_TIME),
        }
    )
    universe = pd.DataFrame({"symbol": [*chosen, "SPY"]})
    universe = universe.assign(
        kind=np.where(universe["symbol"] == "SPY", "etf", "equity"),
        is_index=universe["symbol"] == "SPY",
    )
    return {
        "bars": bars,
        "universe": universe,
        "regimes": regimes,
        "vix": vix,
        "sectors": pd.read_parquet(MARKET / "sectors.parquet"),
    }
