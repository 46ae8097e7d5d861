"""Events and macro series for a small market, with late words, revisions and moved schedules."""

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars.sessions import DECISION_TIME, at_new_york

MOST_SYMBOLS = 8
DAILY = ("DGS2", "DGS10", "DGS30", "T10YIE", "BAMLC0A0CM", "BAMLH0A0HYM2", "DTWEXBGS", "DCOILWTICO")
MONTHLY = ("FEDFUNDS", "CPIAUCSL", "CPILFESL", "UNRATE", "UMCSENT")


def made_events(symbols, calendar, seed=4):
    """Return the optional frames of build_daily_features for sessions of the calendar, by name.

    Only the first symbols have events; some rows are of symbols without bars, or of the market.
    """
    rng = np.random.default_rng(seed)
    symbols = [*symbols[:MOST_SYMBOLS], "NOBARS"]
    return {
        "news": _news(symbols, calendar, rng),
        "social": _social(symbols, calendar, rng),
        "options_flow": _options_flow(symbols, calendar, rng),
        "etf_flows": _etf_flows(("SPY", "QQQ", "XLF", "XLK", "OTHER"), calendar, rng),
        "calendar_events": _calendar_events(symbols, calendar, rng),
        "macro": _macro(calendar, rng),
    }


def _known(dates, hours, rng):
    """Return decision times plus hours, whole minutes: now and then exactly at the decision."""
    minutes = np.rint(hours * 60).astype("int64")
    minutes[rng.random(len(minutes)) < 0.05] = 0
    at = at_new_york(pd.DatetimeIndex(dates), DECISION_TIME)
    return at + pd.to_timedelta(minutes, unit="m")


def _points(symbols, calendar, rng, n):
    of = rng.integers(0, len(symbols), n)
    dates = calendar["session_date"].to_numpy()[rng.integers(0, len(calendar), n)]
    known = _known(dates, rng.uniform(-24, 24, n), rng)
    sentiment = rng.uniform(-1, 1, n).round(4)
    sentiment[rng.random(n) < 0.1] = np.nan
    rows = {"symbol": np.array(symbols, dtype=object)[of], "sentiment": sentiment}
    return pd.DataFrame({**rows, "known_at": known})


def _news(symbols, calendar, rng):
    rows = _points([*symbols, None], calendar, rng, len(calendar) * len(symbols) // 2)
    return rows.assign(news_id=[f"n{i}" for i in range(len(rows))])


def _social(symbols, calendar, rng):
    rows = _points(symbols, calendar, rng, len(calendar) * len(symbols))
    return rows.assign(n_posts=rng.integers(1, 900, len(rows)))


def _session_rows(symbols, calendar, rng, share_present):
    """Return (symbol, session_date, known_at) with gaps, late rows and second vintages."""
    dates = calendar["session_date"].to_numpy()
    rows = pd.MultiIndex.from_product([symbols, dates], names=["symbol", "session_date"])
    rows = rows.to_frame(index=False)
    rows = rows[rng.random(len(rows)) < share_present]
    first = rows.assign(known_at=_known(rows["session_date"], rng.uniform(-1, 30, len(rows)), rng))
    again = rows[rng.random(len(rows)) < 0.1]
    later = _known(again["session_date"], rng.uniform(31, 200, len(again)), rng)
    second = again.assign(known_at=later)
    both = pd.concat([first, second], ignore_index=True)
    return both.drop_duplicates(["symbol", "session_date", "known_at"], ignore_index=True)


def _options_flow(symbols, calendar, rng):
    rows = _session_rows(symbols, calendar, rng, 0.97)
    return rows.assign(imbalance=rng.uniform(-1, 1, len(rows)))


def _etf_flows(symbols, calendar, rng):
    rows = _session_rows(symbols, calendar, rng, 0.98)
    return rows.assign(flow_usd=rng.normal(0, 1e8, len(rows)).round(-3))


def _calendar_events(symbols, calendar, rng):
    dates = pd.DatetimeIndex(calendar["session_date"])
    planned = [
        (kind, symbol, at)
        for kind, symbol, step, start in (
            ("fomc", None, 30, 7),
            ("cpi", None, 21, 11),
            *(("earnings", symbol, 63, 5 + 3 * i) for i, symbol in enumerate(symbols)),
        )
        for at in range(start, len(dates), step)
    ]
    parts = []
    for kind, symbol, at in planned:
        name = f"{kind}:{symbol}:{at}"
        due = dates[at] + pd.Timedelta(hours=float(rng.choice([8.5, 14.0, 16.5, 20.0])))
        known = dates[at] - pd.Timedelta(days=int(rng.integers(0, 60)))
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


def _macro(calendar, rng):
    first, last = calendar["session_date"].iloc[[0, -1]]
    begin = first - pd.Timedelta(days=500)
    parts = []
    for names, dates, delay in (
        (DAILY, pd.bdate_range(begin, last), 1),
        (("MORTGAGE30US",), pd.date_range(begin, last, freq="W-THU"), 2),
        (MONTHLY, pd.date_range(begin, last, freq="MS"), 45),
    ):
        for name in names:
            value = 5 * np.exp(np.cumsum(rng.normal(0, 0.01, len(dates))))
            known = at_new_york(dates + pd.Timedelta(days=delay), DECISION_TIME)
            rows = pd.DataFrame({"observed_date": dates, "value": value, "known_at": known})
            revised = rows[rng.random(len(rows)) < 0.05]
            changed = revised["known_at"] + pd.Timedelta(days=30, hours=1)
            revised = revised.assign(value=revised["value"] * 1.1, known_at=changed)
            parts.append(pd.concat([rows, revised]).assign(series=name))
    return pd.concat(parts, ignore_index=True)
