"""Intraday features as a study: minutes in, bars of every timeframe out, judged as bars close."""

from collections.abc import Sequence

import pandas as pd

from trading_pipeline.contracts.data_config import IntradayFeaturesConfig
from trading_pipeline.domain.features.intraday import compute_intraday_set
from trading_pipeline.domain.proof.future import Frames, Study
from trading_pipeline.domain.proof.market import ProofMarket

STEPS = "bars of 5 minutes"
# Judged are the closes of the last sessions, where every feature has its warm-up behind it.
INTRADAY_BARS = 190


def intraday_study(market: ProofMarket, config: IntradayFeaturesConfig) -> Study:
    """Return the study of every intraday feature at 5, 10, 15 and 60 minutes."""

    def build(frames: Frames, names: Sequence[str] | None) -> pd.DataFrame:
        table = compute_intraday_set(frames["minute"], config, market.actions)
        interval = table["interval_minutes"].astype(str)
        table["symbol"] = table["symbol"].astype(str) + " at " + interval + " minutes"
        if names is None:
            return table
        return table[["symbol", "session_date", "closes_at", "known_at", *names]]

    minutes = minute_frame(market)
    return Study({"minute": minutes}, build, ("symbol", "closes_at"), bar_closes(market, 5), STEPS)


def minute_frame(market: ProofMarket) -> pd.DataFrame:
    """Return minute bars in UTC with session_date, and known_at one minute after their start."""
    start = pd.DatetimeIndex(market.minute["ts"]).tz_localize("UTC")
    local = start.tz_convert("America/New_York").tz_localize(None)
    return market.minute.drop(columns="ts").assign(
        opens_at=start,
        session_date=local.normalize().astype("datetime64[ns]"),
        known_at=start + pd.Timedelta(minutes=1),
    )


def bar_closes(market: ProofMarket, minutes: int) -> pd.DatetimeIndex:
    """Return the instants at which bars of some minutes close in the sessions that have any."""
    dates = minute_frame(market)["session_date"].unique()
    sessions = market.sessions[market.sessions["session_date"].isin(dates)]
    return pd.DatetimeIndex(
        [
            instant
            for opens, closes in zip(sessions["opens_at"], sessions["closes_at"], strict=True)
            for instant in pd.date_range(opens, closes, freq=f"{minutes}min", inclusive="right")
        ]
    )
