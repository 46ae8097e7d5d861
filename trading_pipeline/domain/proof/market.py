"""The made market of the proofs: small, whole, and with every awkward thing a bar can do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.data_config import SimulationConfig
from trading_pipeline.domain.bars.clean import clean_daily
from trading_pipeline.domain.bars.context import clean_actions, clean_vix
from trading_pipeline.domain.bars.sessions import (
    DECISION_TIME,
    at_new_york,
    session_ordinals,
    session_table,
)
from trading_pipeline.domain.bars.universe import build_universe, daily_spans
from trading_pipeline.domain.proof.made_events import made_events
from trading_pipeline.domain.regimes.broad_index import broad_index
from trading_pipeline.domain.regimes.market import label_regimes
from trading_pipeline.domain.simulation.market import SimulatedMarket, simulate_market
from trading_pipeline.domain.simulation.schedule import INDEX_SYMBOL

# Long enough for a year of warm-up; it ends with the half-day after Thanksgiving.
FIRST_SESSION, N_SESSIONS, N_SYMBOLS = date(2010, 8, 2), 336, 10
SEED = 7
# Hours have their longest warm-up, 140 bars, behind them in the last sessions.
MINUTE_SESSIONS, MINUTE_SYMBOLS = 26, 2
N_MOMENTS = 14
# The others have no news, options or earnings.
N_WITH_EVENTS = 6
# Sessions after the first: a jump no split explains, a pause in trading, volume left out.
JUMP_AT, PAUSE, NO_VOLUME = 300, range(120, 132), (5, 120, 121)


@dataclass(frozen=True)
class ProofMarket:
    """What a vendor would deliver of the market; everything else is made of it, as it is live."""

    raw: pd.DataFrame
    actions: pd.DataFrame
    vix: pd.DataFrame
    events: Mapping[str, pd.DataFrame]
    sectors: pd.DataFrame
    listed: pd.DataFrame
    minute: pd.DataFrame
    sessions: pd.DataFrame
    config: PipelineConfig

    @property
    def decisions(self) -> pd.DatetimeIndex:
        """Return 18:00 New York of every session."""
        return at_new_york(self.sessions["session_date"], DECISION_TIME)

    def cleaned(self) -> dict[str, pd.DataFrame]:
        """Return the frames that build_daily_features reads, by argument name."""
        bars, _ = clean_daily(self.raw.drop(columns="known_at"), self.actions, self.config.bars)
        kinds = pd.DataFrame(
            {
                "symbol": self.listed["symbol"],
                "kind": self.listed["kind"],
                "is_simulated": True,
                "covered_until": pd.NaT,
            }
        ).astype({"covered_until": "datetime64[ns]"})
        universe = build_universe(daily_spans(bars), kinds, INDEX_SYMBOL)
        return {
            "bars": bars,
            "universe": universe,
            "regimes": label_regimes(broad_index(bars, universe)[0], self.vix, self.config.regimes),
            "vix": self.vix,
            "sectors": self.sectors,
            **self.events,
        }

    def moments(self) -> list[pd.Timestamp]:
        """Return 14 decision times: before and at every event, and between them."""
        dates = self.sessions["session_date"]
        first, last = dates.iloc[0], dates.iloc[-1]
        splits = self.actions.loc[self.actions["action"] == "split", "ex_date"]
        listed, delisted = self.listed["listed_date"], self.listed["delisted_date"].dropna()
        events = [*splits, *listed[listed > first], *delisted[delisted < last], dates[JUMP_AT]]
        places = {JUMP_AT - 1, PAUSE[0], len(dates) - 2}
        places |= {int(np.searchsorted(dates, day)) + shift for day in events for shift in (-1, 0)}
        spread = np.linspace(60, len(dates) - 10, N_MOMENTS).astype(int).tolist()
        chosen = sorted({place for place in places if 0 < place < len(dates) - 1})[:N_MOMENTS]
        chosen += [place for place in spread if place not in chosen][: N_MOMENTS - len(chosen)]
        return list(self.decisions[sorted(chosen)])


def made_market(
    config: PipelineConfig, n_sessions: int = N_SESSIONS, n_symbols: int = N_SYMBOLS
) -> ProofMarket:
    """Return the market: a listing, a delisting, splits, half-days, a pause, a withheld bar."""
    simulation = SimulationConfig(
        n_symbols=n_symbols,
        n_sessions=n_sessions,
        first_session=FIRST_SESSION,
        seed=SEED,
        signal="none",
        oracle_auc=0.6,
        minute_sessions=MINUTE_SESSIONS,
        minute_symbols=MINUTE_SYMBOLS,
    )
    made = simulate_market(simulation)
    calendar = session_table()
    start = int(session_ordinals(pd.DatetimeIndex([FIRST_SESSION]))[0])
    sessions = calendar.iloc[start : start + n_sessions].reset_index(drop=True)
    vix = clean_vix(made.vix.assign(source_file="vix"))[0]
    actions = made.corporate_actions.assign(
        known_at=pd.Series(pd.NaT, index=made.corporate_actions.index, dtype="datetime64[ns, UTC]"),
        source_file="corporate_actions",
    )
    return ProofMarket(
        raw=_delivered(made, sessions),
        actions=clean_actions(actions)[0],
        vix=vix,
        events=made_events(sorted(made.sectors["symbol"])[:N_WITH_EVENTS], sessions, SEED),
        sectors=made.sectors,
        listed=made.universe,
        minute=made.minute,
        sessions=sessions,
        config=config,
    )


def _delivered(made: SimulatedMarket, sessions: pd.DataFrame) -> pd.DataFrame:
    """Return raw daily rows as a market folder gives them, and when each was known."""
    names = [s for s in sorted(made.daily["symbol"].unique()) if s != INDEX_SYMBOL]
    rows = made.daily.merge(
        sessions[["session_date", "session", "closes_at"]], left_on="ts", right_on="session_date"
    )
    place = rows["session"] - int(sessions["session"].iloc[0])
    events = set(made.corporate_actions["symbol"]) | set(
        made.universe.loc[made.universe["delisted_date"].notna(), "symbol"]
    )
    plain = [name for name in names if name not in events]
    jumps = rows["symbol"].eq(plain[0]) & (place >= JUMP_AT)
    rows["vwap"] = (rows["high"] + rows["low"] + rows["close"]) / 3
    rows.loc[jumps, ["open", "high", "low", "close", "vwap"]] *= 6.0
    rows.loc[rows["symbol"].eq(plain[1]) & place.isin(NO_VOLUME), "volume"] = np.nan
    pauses = rows["symbol"].eq(plain[2]) & place.isin(PAUSE)
    rows = rows[~pauses].reset_index(drop=True)
    return rows[["symbol", "ts", "open", "high", "low", "close", "volume", "vwap"]].assign(
        adj_close=np.nan,
        vendor="simulated",
        vendor_rank=0,
        file_rank=0,
        source_file="daily/bars.parquet",
        prices="raw",
        missing_columns="adj_close",
        known_at=rows["closes_at"],
    )
