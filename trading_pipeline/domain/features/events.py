"""Features of events: news, posts, options flow, fund flows, and the schedule of releases.

An event enters at the first decision at or after its `known_at`. Without the table, and where a
feed says nothing yet or no more, the value is missing and not zero.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from trading_pipeline.contracts.data_config import FeaturesConfig
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.features.as_of import (
    MAX_AGE_SESSIONS,
    Tally,
    Vintages,
    deciding_session,
    decisions,
    instants,
    newest_lag,
    panel_sessions,
)
from trading_pipeline.domain.features.calendar import calendar_features
from trading_pipeline.domain.features.macro import macro_features
from trading_pipeline.domain.features.panel import Panel, Rows, Values
from trading_pipeline.domain.features.registry import Compute, Feature

WINDOWS = (1, 5, 20)
EVENT_RULE = "the row's known_at, read at 18:00"
# Fund flows are shares of their usual size: the mean over so many sessions, of which enough exist.
FLOW_SESSIONS, FLOW_MIN_SESSIONS = 60, 30
# Regular events come at least every quarter; a longer silence means that the schedule has ended.
MAX_SINCE_SESSIONS = 90
KINDS = {"fomc": "FOMC decision", "cpi": "CPI release", "earnings": "earnings report of the symbol"}


def event_features(config: FeaturesConfig) -> tuple[Feature, ...]:
    """Return the families news, social, options, etf_flow, schedule, macro and calendar."""
    return (
        *_news(),
        *_social(),
        *_options(),
        *(feature for symbol in config.etf_flow_symbols for feature in _etf_flow(symbol)),
        *(feature for kind in KINDS for feature in _schedule(kind)),
        *macro_features(),
        *calendar_features(),
    )


def _event(
    name: str,
    family: str,
    formula: str,
    unit: str,
    lookback: int,
    reads: str,
    compute: Compute,
    source: str,
) -> Feature:
    return Feature(
        name=name,
        family=family,
        formula=formula,
        unit=unit,
        lookback_sessions=lookback,
        inputs=(reads,),
        source=source,
        known_at_rule=EVENT_RULE,
        compute=compute,
    )


def _of_tally(table: str, values: Callable[[Tally], Values]) -> Compute:
    """Return a computation on a table's tally; missing everywhere without the table."""

    def compute(panel: Panel) -> Values:
        events = panel.around().events.get(table)
        if events is None or events.empty:
            return np.full(panel.size, np.nan)

        def make() -> Tally:
            weight = np.ones(len(events), dtype="int64")
            if table == "social":
                weight = events["n_posts"].to_numpy("int64")
            return Tally(panel, events, weight, events["sentiment"].to_numpy("float64"))

        return values(panel.made_once(("tally", table), make))

    return compute


def _tallies(table: str, count: str, what: str, source: str) -> tuple[Feature, ...]:
    counts = (
        _event(
            f"{count}_{n}",
            table,
            f"{what} of the symbol known in the last {n} sessions",
            "1",
            n,
            f"{table}.known_at",
            _of_tally(table, lambda tally, n=n: tally.total(n)),  # type: ignore[misc]
            source,
        )
        for n in WINDOWS
    )
    means = (
        _event(
            f"{table}_sentiment_{n}",
            table,
            f"mean sentiment of the symbol's {what} of {n} sessions; missing where there are none",
            "-1..1",
            n,
            f"{table}.sentiment",
            _of_tally(table, lambda tally, n=n: tally.mean_sentiment(n)),  # type: ignore[misc]
            source,
        )
        for n in WINDOWS
    )
    ratio = _event(
        f"{count}_ratio_1_20",
        table,
        f"{count}_1 / the mean of a session over {count}_20's window",
        "1",
        20,
        f"{table}.known_at",
        _of_tally(table, lambda tally: tally.total(1) / tally.total(20) * 20),
        source,
    )
    change = _event(
        f"{table}_sentiment_change",
        table,
        f"{table}_sentiment_5 - {table}_sentiment_20",
        "-2..2",
        20,
        f"{table}.sentiment",
        _of_tally(table, lambda tally: tally.mean_sentiment(5) - tally.mean_sentiment(20)),
        source,
    )
    return (*counts, *means, ratio, change)


def _news() -> tuple[Feature, ...]:
    return (
        *_tallies("news", "news_count", "news items", "Tetlock (2007)"),
        _event(
            "market_news_sentiment_5",
            "news",
            "mean sentiment of all news rows of 5 sessions, whatever their symbol",
            "-1..1",
            5,
            "news.sentiment",
            _of_tally("news", lambda tally: tally.market_sentiment(5)),
            "Tetlock (2007)",
        ),
    )


def _social() -> tuple[Feature, ...]:
    return _tallies("social", "social_posts", "posts", "Antweiler and Frank (2004)")


def _options_newest(panel: Panel, flow: pd.DataFrame) -> list[Values]:
    """Return imbalance of the newest session known and of the four before it, (5,) of (n_rows,)."""

    def make() -> list[Values]:
        width = len(session_table()) + 1
        code = pd.Index(panel.symbols).get_indexer(pd.Index(flow["symbol"], dtype=object))
        own = code >= 0
        session = np.searchsorted(
            session_table()["session_date"].to_numpy(), flow["session_date"].to_numpy()
        )
        vintages = Vintages(
            (code * width + session)[own],
            instants(flow["known_at"])[own],
            flow["imbalance"].to_numpy("float64")[own],
        )
        moment = decisions()[panel.session]

        def back(lag: int | Rows) -> Values:
            at = panel.session - lag
            return vintages.at(np.where(at < 0, -1, panel.code * width + at), moment)

        lag = newest_lag([back(n) for n in range(MAX_AGE_SESSIONS)])
        return [np.where(lag < 0, np.nan, back(lag + n)) for n in range(5)]

    made: list[Values] = panel.made_once("options flow", make)
    return made


def _of_options(values: Callable[[list[Values]], Values]) -> Compute:
    def compute(panel: Panel) -> Values:
        flow = panel.around().events.get("options_flow")
        if flow is None or flow.empty:
            return np.full(panel.size, np.nan)
        return values(_options_newest(panel, flow))

    return compute


def _options() -> tuple[Feature, ...]:
    source = "Pan and Poteshman (2006)"
    reads = "options_flow.imbalance"
    whole = "(call premium - put premium) / their sum"
    newest = f"of the newest session known, at most {MAX_AGE_SESSIONS - 1} sessions old"
    return (
        _event(
            "options_imbalance_1",
            "options",
            f"{whole}, {newest}",
            "-1..1",
            1,
            reads,
            _of_options(lambda newest: newest[0]),
            source,
        ),
        _event(
            "options_imbalance_5",
            "options",
            "mean imbalance of the newest session known and the four before; all are needed",
            "-1..1",
            5,
            reads,
            _of_options(lambda newest: np.mean(newest, axis=0)),
            source,
        ),
        _event(
            "options_imbalance_change",
            "options",
            "options_imbalance_1 - options_imbalance_5",
            "-2..2",
            5,
            reads,
            _of_options(lambda newest: newest[0] - np.mean(newest, axis=0)),
            source,
        ),
    )


def _flow_share(panel: Panel, symbol: str, n: int) -> Values:
    """Return the fund's mean flow of n sessions over its usual absolute flow, at every row."""
    flows = panel.around().events.get("etf_flows")
    if flows is None:
        return np.full(panel.size, np.nan)
    mine = flows[flows["symbol"] == symbol]
    sessions, place = panel_sessions(panel)
    vintages = Vintages(
        np.searchsorted(
            session_table()["session_date"].to_numpy(), mine["session_date"].to_numpy()
        ).astype("int64"),
        instants(mine["known_at"]),
        mine["flow_usd"].to_numpy("float64"),
    )
    moment = decisions()[sessions]
    lag = newest_lag([vintages.at(sessions - back, moment) for back in range(MAX_AGE_SESSIONS)])
    newest = np.where(lag < 0, -FLOW_SESSIONS, sessions - lag)
    back = np.arange(FLOW_SESSIONS + 1)
    flow = vintages.at(newest[:, None] - back, moment[:, None])
    usual, n_usual = np.abs(flow[:, 1:]), (~np.isnan(flow[:, 1:])).sum(axis=1)
    mean = np.nansum(usual, axis=1) / np.maximum(n_usual, 1)
    reaches = vintages.oldest(moment) <= newest - FLOW_SESSIONS
    enough = (lag >= 0) & reaches & (n_usual >= FLOW_MIN_SESSIONS) & (mean > 0)
    share = np.where(enough, flow[:, :n].mean(axis=1) / np.where(mean > 0, mean, 1.0), np.nan)
    return np.asarray(share[place])


def _etf_flow(symbol: str) -> tuple[Feature, ...]:
    return tuple(
        _event(
            f"etf_flow_{symbol.lower()}_{n}",
            "etf_flow",
            f"mean flow of {symbol} over the newest {n} sessions known / its mean absolute flow of "
            f"the {FLOW_SESSIONS} sessions before the newest, at least {FLOW_MIN_SESSIONS} of them",
            "1",
            FLOW_SESSIONS + 1,
            "etf_flows.flow_usd",
            lambda panel, n=n: _flow_share(panel, symbol, n),  # type: ignore[misc]
            "Ben-David, Franzoni and Moussawi (2018)",
        )
        for n in (1, 5)
    )


def _next_and_last(panel: Panel, kind: str) -> tuple[Values, Values]:
    """Return sessions to the next event and since the last, by the schedule then known."""

    def make() -> tuple[Values, Values]:
        events = panel.around().events.get("calendar_events")
        if events is None:
            return np.full(panel.size, np.nan), np.full(panel.size, np.nan)
        mine = events[events["kind"] == kind].reset_index(drop=True)
        begin, never = int(panel.session.min(initial=0)), len(session_table())
        n_sessions = int(panel.session.max(initial=begin)) + 1 - begin
        is_own = kind == "earnings"
        n_series = len(panel.symbols) if is_own else 1
        series = np.zeros(len(mine), dtype="int64")
        if is_own:
            series = pd.Index(panel.symbols).get_indexer(pd.Index(mine["symbol"], dtype=object))
        known, due = (deciding_session(mine[name]) for name in ("known_at", "scheduled_at"))
        replaced = _replaced(mine, known, never)
        following = np.full((n_series, n_sessions), never, dtype="int32")
        latest = np.full((n_series, n_sessions), -1, dtype="int32")
        for row, first, end, at in zip(series, known, replaced, due, strict=True):
            if row < 0:
                continue
            ahead = following[row, max(first - begin, 0) : max(min(end, at) - begin, 0)]
            np.minimum(ahead, at, out=ahead)
            until = min(end, at + MAX_SINCE_SESSIONS + 1)
            behind = latest[row, max(first - begin, at - begin, 0) : max(until - begin, 0)]
            np.maximum(behind, at, out=behind)
        row = panel.code if is_own else np.zeros(panel.size, dtype="int64")
        column = panel.session - begin
        due_at, was_at = following[row, column], latest[row, column]
        return (
            np.where(due_at < never, due_at - panel.session, np.nan),
            np.where(was_at >= 0, panel.session - was_at, np.nan),
        )

    return panel.made_once(("schedule", kind), make)


def _replaced(events: pd.DataFrame, known: Rows, never: int) -> Rows:
    """Return the session from which each version of a schedule no longer counts."""
    order = events.sort_values(["symbol", "event_id", "known_at", "scheduled_at"]).index.to_numpy()
    numbers = events.groupby(["symbol", "event_id"], dropna=False, sort=False).ngroup().to_numpy()
    same = numbers[order[1:]] == numbers[order[:-1]]
    replaced = np.full(len(events), never, dtype="int64")
    replaced[order[:-1]] = np.where(same, known[order[1:]], never)
    return replaced


def _schedule(kind: str) -> tuple[Feature, ...]:
    def feature(name: str, formula: str, which: int) -> Feature:
        return _event(
            name,
            "schedule",
            formula,
            "sessions",
            1,
            "calendar_events.scheduled_at",
            lambda panel: _next_and_last(panel, kind)[which],
            "the published schedule",
        )

    what = KINDS[kind]
    return (
        feature(
            f"sessions_to_{kind}",
            f"sessions to the next {what} as scheduled then; one before 18:00 has passed",
            0,
        ),
        feature(
            f"sessions_since_{kind}",
            f"sessions since the last {what}; missing beyond {MAX_SINCE_SESSIONS}",
            1,
        ),
    )
