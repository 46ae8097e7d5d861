"""Made events and macro series: late words, second vintages, moved schedules, some after 18:00."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars.sessions import DECISION_TIME, at_new_york

FUNDS = ("SPY", "QQQ", "XLF", "XLK")
DAILY = ("DGS2", "DGS10", "DGS30", "T10YIE", "BAMLC0A0CM", "BAMLH0A0HYM2", "DTWEXBGS", "DCOILWTICO")
WEEKLY = ("MORTGAGE30US",)
MONTHLY = ("FEDFUNDS", "CPIAUCSL", "CPILFESL", "UNRATE", "UMCSENT")
DELAY_DAYS = {"day": 1, "week": 2, "month": 45}


def made_events(
    symbols: Sequence[str], sessions: pd.DataFrame, seed: int
) -> dict[str, pd.DataFrame]:
    """Return news, social, options_flow, etf_flows, calendar_events and macro, by name.

    Columns as of the tables bars.<name> that features read. `news` also has `stamp`, its New York
    wall-clock time without a zone, as some vendors give it.
    """
    rng = np.random.default_rng(seed)
    return {
        "news": _news(symbols, sessions, rng),
        "social": _social(symbols, sessions, rng),
        "options_flow": _session_rows(symbols, sessions, rng).assign(
            imbalance=lambda rows: rng.uniform(-1, 1, len(rows))
        ),
        "etf_flows": _session_rows(FUNDS, sessions, rng).assign(
            flow_usd=lambda rows: rng.normal(0, 1e8, len(rows)).round(-3)
        ),
        "calendar_events": _calendar_events(symbols, sessions, rng),
        "macro": _macro(sessions, rng),
    }


def _known(
    dates: "pd.Series[pd.Timestamp]", low: float, high: float, rng: np.random.Generator
) -> pd.DatetimeIndex:
    """Return decision times plus hours between two bounds; now and then the decision itself."""
    minutes = np.rint(rng.uniform(60 * low, 60 * high, len(dates))).astype("int64")
    minutes[rng.random(len(dates)) < 0.05] = 0
    return at_new_york(dates, DECISION_TIME) + pd.to_timedelta(minutes, unit="min")


def _points(
    symbols: Sequence[str | None], sessions: pd.DataFrame, rng: np.random.Generator, n: int
) -> pd.DataFrame:
    dates = sessions["session_date"].iloc[rng.integers(0, len(sessions), n)]
    sentiment = rng.uniform(-1, 1, n).round(4)
    sentiment[rng.random(n) < 0.1] = np.nan
    rows = {
        "symbol": np.array(symbols, dtype=object)[rng.integers(0, len(symbols), n)],
        "sentiment": sentiment,
        "known_at": _known(dates, -24, 24, rng),
    }
    return pd.DataFrame(rows).sort_values("known_at", ignore_index=True)


def _news(symbols: Sequence[str], sessions: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    rows = _points([*symbols, None], sessions, rng, 3 * len(sessions))
    local = rows["known_at"].dt.tz_convert("America/New_York").dt.tz_localize(None)
    return rows.assign(news_id=[f"n{place}" for place in range(len(rows))], stamp=local)


def _social(
    symbols: Sequence[str], sessions: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    rows = _points(symbols, sessions, rng, 5 * len(sessions))
    return rows.assign(n_posts=rng.integers(1, 900, len(rows)))


def _session_rows(
    symbols: Sequence[str], sessions: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Return symbol, session_date, known_at with gaps, late rows and second vintages."""
    dates = sessions["session_date"].to_numpy()
    keys = pd.MultiIndex.from_product(
        [list(symbols), list(dates)], names=["symbol", "session_date"]
    )
    rows = keys.to_frame(index=False)
    rows = rows[rng.random(len(rows)) < 0.97]
    again = rows[rng.random(len(rows)) < 0.1]
    first = rows.assign(known_at=_known(rows["session_date"], -1, 30, rng))
    second = again.assign(known_at=_known(again["session_date"], 31, 200, rng))
    both = pd.concat([first, second], ignore_index=True)
    return both.drop_duplicates(["symbol", "session_date", "known_at"], ignore_index=True)


def _calendar_events(
    symbols: Sequence[str], sessions: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Return scheduled events, known up to two months ahead, some of them moved later."""
    dates = pd.DatetimeIndex(sessions["session_date"])
    kinds: list[tuple[str, str | None, int, int]] = [("fomc", None, 30, 7), ("cpi", None, 21, 11)]
    kinds += [("earnings", symbol, 63, 5 + 3 * place) for place, symbol in enumerate(symbols)]
    parts = []
    for kind, symbol, step, start in kinds:
        for place in range(start, len(dates), step):
            name = f"{kind}:{symbol}:{place}"
            due = dates[place] + pd.Timedelta(hours=float(rng.choice([8.5, 14.0, 16.5, 20.0])))
            known = dates[place] - pd.Timedelta(days=int(rng.integers(0, 60)))
            parts.append((name, kind, symbol, due, known))
            if rng.random() < 0.3:
                moved = due + pd.Timedelta(days=int(rng.integers(-9, 10)))
                later = known + pd.Timedelta(days=int(rng.integers(1, 30)), hours=3)
                parts.append((name, kind, symbol, moved, later))
    rows = pd.DataFrame(parts, columns=["event_id", "kind", "symbol", "scheduled_at", "known_at"])
    for column in ("scheduled_at", "known_at"):
        local = rows[column].astype("datetime64[ns]").dt.tz_localize("America/New_York")
        rows[column] = local.dt.tz_convert("UTC")
    return rows


def _macro(sessions: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return series with their release; each tenth observation is revised a month later."""
    first, last = sessions["session_date"].iloc[0], sessions["session_date"].iloc[-1]
    begin = first - pd.Timedelta(days=500)
    parts = []
    for names, dates, spacing in (
        (DAILY, pd.bdate_range(begin, last), "day"),
        (WEEKLY, pd.date_range(begin, last, freq="W-THU"), "week"),
        (MONTHLY, pd.date_range(begin, last, freq="MS"), "month"),
    ):
        released = at_new_york(dates + pd.Timedelta(days=DELAY_DAYS[spacing]), DECISION_TIME)
        for name in names:
            value = 5 * np.exp(np.cumsum(rng.normal(0, 0.01, len(dates))))
            rows = pd.DataFrame(
                {"series": name, "observed_date": dates, "value": value, "known_at": released}
            )
            revised = rows[rng.random(len(rows)) < 0.1]
            parts += [
                rows,
                revised.assign(
                    value=revised["value"] * 1.1,
                    known_at=revised["known_at"] + pd.Timedelta(days=30, hours=1),
                ),
            ]
    return pd.concat(parts, ignore_index=True)
