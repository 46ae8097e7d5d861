"""Planted leaks between tables: revised macro, a shifted zone, a bar read before it closes."""

from collections.abc import Sequence

import pandas as pd

from trading_pipeline.domain.bars.sessions import DECISION_TIME, at_new_york, session_table
from trading_pipeline.domain.proof.future import Build, Frames, Study
from trading_pipeline.domain.proof.intraday import STEPS, bar_closes, minute_frame
from trading_pipeline.domain.proof.market import ProofMarket

COARSE_MINUTES = 60


def revised_macro(market: ProofMarket) -> Study:
    """Return a table that shows an observation's last revision from its first release on."""

    def build(frames: Frames, _: Sequence[str] | None) -> pd.DataFrame:
        rows = _rows(frames)
        macro = frames["macro"]
        released = macro[macro["series"] == "CPIAUCSL"].sort_values(["observed_date", "known_at"])
        latest = released.groupby("observed_date", as_index=False).agg(
            value=("value", "last"), known_at=("known_at", "first")
        )
        return pd.merge_asof(
            rows.sort_values("known_at"),
            latest[["known_at", "value"]].sort_values("known_at"),
            on="known_at",
        ).rename(columns={"value": "revised macro"})

    return _daily(market, {"macro": market.events["macro"]}, build)


def shifted_time_zone(market: ProofMarket) -> Study:
    """Return a table whose news have New York wall-clock times, read as if they were UTC."""

    def build(frames: Frames, _: Sequence[str] | None) -> pd.DataFrame:
        rows = _rows(frames)
        news = frames["news"]
        seen = pd.DataFrame(
            {
                "seen_at": pd.DatetimeIndex(news["stamp"]).tz_localize("UTC"),
                "score": news["sentiment"].fillna(0.0).to_numpy(),
            }
        ).sort_values("seen_at")
        seen["total"] = seen["score"].cumsum().round(4)
        joined = pd.merge_asof(
            rows.sort_values("known_at"),
            seen[["seen_at", "total"]],
            left_on="known_at",
            right_on="seen_at",
        )
        return joined.drop(columns="seen_at").rename(columns={"total": "time-zone shift"})

    return _daily(market, {"news": market.events["news"]}, build)


def unclosed_bar_join(market: ProofMarket) -> Study:
    """Return five-minute rows to which an as-of join gives the hour's bar by its start."""

    def build(frames: Frames, _: Sequence[str] | None) -> pd.DataFrame:
        minutes = frames["minute"]
        fine = _resampled(minutes, 5)
        coarse = _resampled(minutes, COARSE_MINUTES).rename(columns={"close": "hour_close"})
        joined = pd.merge_asof(
            fine.sort_values("opens_at"),
            coarse[["symbol", "opens_at", "hour_close"]].sort_values("opens_at"),
            on="opens_at",
            by="symbol",
        )
        joined["as-of join"] = joined["hour_close"] / joined["close"] - 1
        return joined.drop(columns=["close", "hour_close"])

    frames = {"minute": minute_frame(market)}
    return Study(frames, build, ("symbol", "opens_at"), bar_closes(market, 5), STEPS)


def _resampled(minutes: pd.DataFrame, n: int) -> pd.DataFrame:
    opens_at = pd.DatetimeIndex(minutes["opens_at"])
    opening = minutes["session_date"].map(session_table().set_index("session_date")["opens_at"])
    step = pd.Timedelta(minutes=n)
    place = (opens_at - pd.DatetimeIndex(opening)) // step
    starts = pd.DatetimeIndex(opening) + place * step
    bars = minutes.assign(opens_at=starts).groupby(["symbol", "opens_at"], as_index=False)
    made = bars.agg(session_date=("session_date", "first"), close=("close", "last"))
    return made.assign(known_at=pd.DatetimeIndex(made["opens_at"]) + step)


def _rows(frames: Frames) -> pd.DataFrame:
    return frames["rows"].reset_index(drop=True)


def _daily(market: ProofMarket, frames: Frames, build: Build) -> Study:
    sessions = market.sessions
    rows = pd.DataFrame(
        {
            "symbol": "MARKET",
            "session_date": sessions["session_date"],
            "session": sessions["session"],
            "known_at": at_new_york(sessions["session_date"], DECISION_TIME),
        }
    )
    both = {**frames, "rows": rows}
    return Study(both, build, ("symbol", "session"), market.decisions, "sessions")
