"""As-of joins: what was known at the decision of each session, by binary search on `known_at`.

A session decides at 18:00 New York. A row known in the night before it belongs to it; a row known
a minute after it belongs to the next. Sums are of whole numbers, so that no row's value depends
on the order of the input or on what came later.
"""

from functools import lru_cache

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars.sessions import DECISION_TIME, at_new_york, session_table
from trading_pipeline.domain.features.panel import Flags, Panel, Rows, Values

# Sums of sentiment are counted in millionths.
STEPS = 1_000_000
# A feed of which nothing came for so long has ended: what it does not say is then unknown.
SILENT_SESSIONS = 20
# A value that is this old says nothing about the session.
MAX_AGE_SESSIONS = 5


@lru_cache(maxsize=1)
def decisions() -> Rows:
    """Return the instant, in ns, at which each session of the calendar decides."""
    return instants(at_new_york(session_table()["session_date"], DECISION_TIME))


def instants(moments: "pd.Series[pd.Timestamp] | pd.DatetimeIndex") -> Rows:
    """Return aware moments in ns."""
    return pd.DatetimeIndex(moments).as_unit("ns").astype("int64").to_numpy()


def deciding_session(moments: "pd.Series[pd.Timestamp]") -> Rows:
    """Return the first session that decides at or after each moment; beyond the last: none."""
    return np.searchsorted(decisions(), instants(moments), side="left").astype("int64")


def panel_sessions(panel: Panel) -> tuple[Rows, Rows]:
    """Return the sessions that a panel holds, in order, and each row's place among them."""
    order, starts, place = panel.by_session
    return panel.session[order[starts[:-1]]], place


class Tally:
    """Point events, such as news, counted over a panel's windows of sessions.

    A window is missing before the symbol's first event (nothing says it was watched), and where
    the whole feed has been silent for SILENT_SESSIONS.
    """

    def __init__(self, panel: Panel, events: pd.DataFrame, weight: Rows, sentiment: Values) -> None:
        """Take events with symbol and known_at, weights (n,) and sentiments (n,), NaN unknown."""
        self._panel = panel
        self._width = len(session_table()) + 1
        session = deciding_session(events["known_at"])
        code = pd.Index(panel.symbols).get_indexer(pd.Index(events["symbol"], dtype=object))
        own = code >= 0
        key = code[own] * self._width + session[own]
        order = np.argsort(key, kind="stable")
        self._key = key[order]
        scored = ~np.isnan(sentiment)
        points = np.rint(np.where(scored, sentiment, 0.0) * STEPS).astype("int64") * weight
        columns = {"weight": weight, "scored": np.where(scored, weight, 0), "points": points}
        self._sums = {name: _running(values[own][order]) for name, values in columns.items()}
        self._first = np.full(len(panel.symbols), self._width, dtype="int64")
        np.minimum.at(self._first, code[own], session[own])
        self._feed = np.unique(session)
        of_session = np.argsort(session, kind="stable")
        self._session = session[of_session]
        self._market = {name: _running(values[of_session]) for name, values in columns.items()}

    def total(self, n: int) -> Values:
        """Return the weight of each row's symbol over its last n sessions, (n_rows,)."""
        return np.where(self._is_covered(n), self._window("weight", n), np.nan)

    def mean_sentiment(self, n: int) -> Values:
        """Return the weighted mean sentiment over n sessions; missing where nothing was scored."""
        scored = np.where(self._is_covered(n), self._window("scored", n), 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(scored > 0, self._window("points", n) / scored / STEPS, np.nan)

    def market_sentiment(self, n: int) -> Values:
        """Return the weighted mean sentiment of all events over n sessions, at every row."""
        sessions, place = panel_sessions(self._panel)
        edges = [np.searchsorted(self._session, sessions - back, side="right") for back in (0, n)]
        scored, points = (
            self._market[name][edges[0]] - self._market[name][edges[1]]
            for name in ("scored", "points")
        )
        whole = sessions - self._feed.min(initial=self._width) >= n - 1
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.where(whole & (scored > 0), points / scored / STEPS, np.nan)
        return np.asarray(mean[place])

    def _window(self, name: str, n: int) -> Rows:
        start = self._panel.code * self._width
        session = self._panel.session
        last = np.searchsorted(self._key, start + session, side="right")
        # The calendar's edge must not reach into the symbol before.
        before = np.maximum(session - n, -1)
        first = np.searchsorted(self._key, start + before, side="right")
        return np.asarray(self._sums[name][last] - self._sums[name][first])

    def _is_covered(self, n: int) -> Flags:
        session = self._panel.session
        feed = np.concatenate([[-self._width], self._feed])
        newest = feed[np.searchsorted(feed, session, side="right") - 1]
        watched = session - self._first[self._panel.code] >= n - 1
        return np.asarray(watched & (session - newest < SILENT_SESSIONS))


class Vintages:
    """Values of observations in all their vintages, looked up as they were known at a moment."""

    def __init__(self, key: Rows, known: Rows, value: Values) -> None:
        """Take observations' numbers (>= 0), when each vintage was known in ns, and its value."""
        self._moments = np.unique(known)
        self._width = self._moments.size + 1
        rank = np.searchsorted(self._moments, known)
        order = np.lexsort((value, rank, key))
        self._place = (key * self._width + rank)[order]
        self._value = value[order]
        by_moment = np.lexsort((key, rank))
        self._newest = np.maximum.accumulate(key[by_moment])
        self._oldest = np.minimum.accumulate(key[by_moment])
        self._until = rank[by_moment]

    def at(self, key: Rows, moment: Rows) -> Values:
        """Return each observation's newest value known at the moment, NaN where there is none."""
        if not self._place.size:
            return np.full(np.broadcast(key, moment).shape, np.nan)
        rank = np.searchsorted(self._moments, moment, side="right") - 1
        place = np.searchsorted(self._place, key * self._width + rank, side="right") - 1
        found = self._place[np.maximum(place, 0)] // self._width == key
        return np.where(found & (rank >= 0) & (place >= 0), self._value[place], np.nan)

    def newest(self, moment: Rows) -> Rows:
        """Return the number of the newest observation known at each moment, -1 where none is."""
        return self._extreme(self._newest, moment)

    def oldest(self, moment: Rows) -> Rows:
        """Return the number of the oldest observation known at each moment, -1 where none is."""
        return self._extreme(self._oldest, moment)

    def _extreme(self, key: Rows, moment: Rows) -> Rows:
        rank = np.searchsorted(self._moments, moment, side="right") - 1
        place = np.searchsorted(self._until, rank, side="right") - 1
        return np.where(place >= 0, np.append(key, -1)[place], -1)


def newest_lag(value_at: "list[Values]") -> Rows:
    """Return the place of the first present among values of later to earlier sessions; -1: none."""
    present = ~np.isnan(np.stack(value_at))
    return np.where(present.any(axis=0), present.argmax(axis=0), -1)


def _running(values: Rows) -> Rows:
    return np.concatenate([[0], np.cumsum(values, dtype="int64")])
