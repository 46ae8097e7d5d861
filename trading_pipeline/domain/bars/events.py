"""Cleaning of point-in-time events, by kind: news, posts, options and fund flows, schedules.

Each function takes delivered rows in any order and returns (columns of the table, quarantine).
Instants are UTC, session dates naive. No row without `known_at` stands, and none that says it
was known before it happened.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.domain.bars.quarantine import joined, quarantined
from trading_pipeline.domain.bars.sentiment import SentimentScorer, with_sentiment
from trading_pipeline.domain.bars.sessions import session_ordinals, session_table

UNKNOWN: Final = "unknown"
KINDS: Final = ("fomc", "cpi", "earnings")

NEWS: Final = (
    "news_id", "symbol", "published_at", "headline", "summary", "source", "vendor", "sentiment",
    "sentiment_model", "known_at",
)  # fmt: skip
SOCIAL: Final = (
    "post_id", "symbol", "posted_at", "platform", "n_posts", "text", "sentiment",
    "sentiment_model", "known_at",
)  # fmt: skip
VOLUMES: Final = ("call_volume", "put_volume", "call_premium_usd", "put_premium_usd")
OPTIONS_FLOW: Final = ("symbol", "session_date", *VOLUMES, "imbalance", "known_at")
ETF_FLOWS: Final = ("symbol", "session_date", "flow_usd", "known_at")
CALENDAR_EVENTS: Final = ("event_id", "kind", "symbol", "scheduled_at", "known_at")

Rule = tuple[Any, str, str]
Cleaned = tuple[pd.DataFrame, pd.DataFrame]


def clean_news(raw: pd.DataFrame, scorer: SentimentScorer | None = None) -> Cleaned:
    """Return (columns of `bars.news`, quarantine).

    Args:
        raw: news_id, symbol (missing: about the market), published_at, headline, summary, source,
            vendor, sentiment, known_at, source_file.
        scorer: Scores headlines without a given sentiment; None: VADER.

    Of an item's versions the one first known stands, so that a correction is not counted twice;
    the later ones are recorded. Refused: no instant or headline, known before it was published,
    a sentiment outside [-1, 1], two versions of one moment that disagree.
    """
    rows = raw.assign(vendor=raw["vendor"].fillna(UNKNOWN))
    rows["news_id"] = _ids(rows, "news_id", ("source", "published_at", "headline"))
    rows = _sorted(rows, ("vendor", "news_id", "symbol", "known_at", *NEWS[2:6], "sentiment"))
    rules = [
        *_known_rules(rows, rows["published_at"], "published"),
        (rows["headline"].isna(), "missing_value", "headline is missing"),
        _sentiment_rule(rows),
    ]
    content = ("published_at", "headline", "summary", "source", "sentiment")
    key = ("vendor", "news_id", "symbol")
    kept, refused = _split(rows, rules, key, content, "bars.news", "published_at", is_first=True)
    return with_sentiment(kept, "headline", scorer)[list(NEWS)], refused


def clean_social(raw: pd.DataFrame, scorer: SentimentScorer | None = None) -> Cleaned:
    """Return (columns of `bars.social`, quarantine).

    Args:
        raw: post_id, symbol, posted_at, platform, n_posts (missing: 1 for a row with a text),
            text, sentiment, known_at, source_file.
        scorer: Scores texts without a given sentiment; None: VADER.

    A row is one post, or a count of posts with their mean sentiment. Versions as of news. Refused
    besides: no symbol, neither text nor count, a count that is not whole and positive.
    """
    rows = raw.assign(platform=raw["platform"].fillna(UNKNOWN))
    rows["post_id"] = _ids(rows, "post_id", ("platform", "symbol", "posted_at", "text"))
    rows["n_posts"] = rows["n_posts"].where(rows["n_posts"].notna() | rows["text"].isna(), 1.0)
    order = ("platform", "post_id", "symbol", "known_at", "posted_at", "n_posts", "text")
    rows = _sorted(rows, (*order, "sentiment"))
    count = rows["n_posts"]
    rules = [
        *_known_rules(rows, rows["posted_at"], "posted"),
        (rows["symbol"].isna(), "missing_value", "symbol is missing"),
        (count.isna(), "missing_value", "neither text nor n_posts"),
        (~((count >= 1) & (count % 1 == 0)), "not_a_count", "n_posts is no positive whole number"),
        _sentiment_rule(rows),
    ]
    key, content = ("platform", "post_id", "symbol"), ("posted_at", "n_posts", "text", "sentiment")
    kept, refused = _split(rows, rules, key, content, "bars.social", "posted_at", is_first=True)
    kept["n_posts"] = kept["n_posts"].astype("int64")
    return with_sentiment(kept, "text", scorer)[list(SOCIAL)], refused


def clean_options_flow(raw: pd.DataFrame) -> Cleaned:
    """Return (columns of `bars.options_flow`, quarantine).

    Args:
        raw: symbol, session_date, call_volume, put_volume, call_premium_usd, put_premium_usd,
            imbalance, known_at, source_file.

    Imbalance is that of the premiums; one that is given counts where a premium is missing. Every
    vintage stays. Refused: no symbol, a day without a session, known before the session's close,
    a negative amount, no imbalance or one outside [-1, 1], two values of one vintage.
    """
    rows = _sorted(raw, ("symbol", "session_date", "known_at", *VOLUMES, "imbalance"))
    rows["imbalance"] = _premium_imbalance(rows).fillna(rows["imbalance"])
    negative = (rows[list(VOLUMES)] < 0).any(axis=1)
    rules = [
        *_session_rules(rows),
        (negative, "negative_value", "a volume or premium is negative"),
        (rows["imbalance"].isna(), "missing_value", "neither both premiums nor an imbalance"),
        (rows["imbalance"].abs() > 1, "out_of_range", "imbalance lies outside -1 to 1"),
    ]
    key, content = ("symbol", "session_date", "known_at"), (*VOLUMES, "imbalance")
    kept, refused = _split(rows, rules, key, content, "bars.options_flow", "session_date")
    return kept[list(OPTIONS_FLOW)], refused


def clean_etf_flows(raw: pd.DataFrame) -> Cleaned:
    """Return (columns of `bars.etf_flows`, quarantine).

    Args:
        raw: symbol, session_date, flow_usd, known_at, source_file.

    Every vintage stays. Refused: no symbol or flow, a day without a session, known before the
    session's close, two values of one vintage.
    """
    rows = _sorted(raw, ("symbol", "session_date", "known_at", "flow_usd"))
    missing = ~np.isfinite(rows["flow_usd"].to_numpy("float64"))
    rules = [*_session_rules(rows), (missing, "missing_value", "flow_usd is missing")]
    key = ("symbol", "session_date", "known_at")
    kept, refused = _split(rows, rules, key, ("flow_usd",), "bars.etf_flows", "session_date")
    return kept[list(ETF_FLOWS)], refused


def clean_calendar_events(raw: pd.DataFrame) -> Cleaned:
    """Return (columns of `bars.calendar_events`, quarantine).

    Args:
        raw: event_id, kind (fomc, cpi, earnings), symbol (of earnings), scheduled_at, known_at,
            source_file.

    Rows of one `event_id` are versions of its schedule: all stay, the one known last counts.
    Refused: no instant, another kind, earnings of nobody, a symbol on a market-wide event, two
    schedules of one event and moment.
    """
    rows = raw.assign(kind=raw["kind"].str.lower())
    is_earnings = rows["kind"] == "earnings"
    date = pd.DatetimeIndex(rows["scheduled_at"]).tz_convert("America/New_York")
    made = rows["kind"] + ":" + rows["symbol"].fillna("market") + ":" + date.strftime("%Y-%m-%d")
    rows["event_id"] = rows["event_id"].fillna(made).fillna("")
    rows = _sorted(rows, ("kind", "symbol", "event_id", "known_at", "scheduled_at"))
    is_earnings = rows["kind"] == "earnings"
    rules = [
        (rows["known_at"].isna(), "missing_known_at", "known_at is missing"),
        (rows["scheduled_at"].isna(), "missing_value", "scheduled_at is missing"),
        (~rows["kind"].isin(KINDS), "unknown_kind", f"kind is none of {', '.join(KINDS)}"),
        (is_earnings & rows["symbol"].isna(), "missing_value", "earnings need a symbol"),
        (~is_earnings & rows["symbol"].notna(), "unexpected_symbol", "the event is market-wide"),
    ]
    key = ("kind", "symbol", "event_id", "known_at")
    kept, refused = _split(
        rows, rules, key, ("scheduled_at",), "bars.calendar_events", "scheduled_at"
    )
    return kept[list(CALENDAR_EVENTS)], refused


CLEANERS: Final = {
    "news": clean_news,
    "social": clean_social,
    "options_flow": clean_options_flow,
    "etf_flows": clean_etf_flows,
    "calendar_events": clean_calendar_events,
}


def _ids(rows: pd.DataFrame, name: str, parts: Sequence[str]) -> "pd.Series[Any]":
    """Return the given ids, a hash of `parts` where there is none."""
    lacking = rows[name].isna()
    columns = [rows.loc[lacking, part].astype(str) for part in parts]
    made = [
        hashlib.sha256("\x1f".join(values).encode()).hexdigest()[:24]
        for values in zip(*columns, strict=True)
    ]
    ids = rows[name].astype(object).copy()
    ids[lacking] = made
    return ids


def _sorted(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    return rows.sort_values([*columns, "source_file"], kind="stable", ignore_index=True)


def _known_rules(rows: pd.DataFrame, happened: "pd.Series[Any]", word: str) -> list[Rule]:
    return [
        (rows["known_at"].isna(), "missing_known_at", "known_at is missing"),
        (happened.isna(), "missing_value", f"{word}_at is missing"),
        (rows["known_at"] < happened, "known_early", f"known before it was {word}"),
    ]


def _session_rules(rows: pd.DataFrame) -> list[Rule]:
    sessions = session_ordinals(rows["session_date"])
    closes = session_table()["closes_at"].iloc[np.maximum(sessions, 0)].reset_index(drop=True)
    return [
        (rows["known_at"].isna(), "missing_known_at", "known_at is missing"),
        (rows["symbol"].isna(), "missing_value", "symbol is missing"),
        (rows["session_date"].isna(), "missing_value", "session_date is missing"),
        (sessions < 0, "not_a_session", "the exchange was closed on this date"),
        (rows["known_at"] < closes, "known_early", "known before the session closed"),
    ]


def _sentiment_rule(rows: pd.DataFrame) -> Rule:
    return (rows["sentiment"].abs() > 1, "out_of_range", "sentiment lies outside -1 to 1")


def _premium_imbalance(rows: pd.DataFrame) -> "pd.Series[float]":
    calls, puts = rows["call_premium_usd"], rows["put_premium_usd"]
    total = (calls + puts).where(lambda total: total > 0)
    return (calls - puts) / total


def _split(
    rows: pd.DataFrame,
    rules: Iterable[Rule],
    key: Sequence[str],
    content: Sequence[str],
    target: str,
    moment: str,
    *,
    is_first: bool = False,
) -> Cleaned:
    """Return the rows that stand and the quarantine of the others; the first rule speaks.

    Of rows equal in `key`, copies collapse, and those that differ in `content` are all refused.
    With `is_first` only the version known first is looked at; the later ones are recorded.
    """
    reasons = np.full(len(rows), "", dtype=object)
    details = np.full(len(rows), "", dtype=object)
    for where, reason, detail in rules:
        _mark(reasons, details, np.asarray(where, dtype=bool), reason, detail)
    usable = rows[reasons == ""]
    grouped = usable.groupby(list(key), dropna=False, sort=False)
    if is_first:
        later = usable["known_at"] > grouped["known_at"].transform("min")
        words = "an earlier version is known; the first one counts"
        _mark(reasons, details, _at(later, rows), "later_version", words)
        usable = usable[~later]
        grouped = usable.groupby(list(key), dropna=False, sort=False)
    of_content = usable.groupby([*key, *content], dropna=False, sort=False)
    spread = of_content.ngroup().groupby(grouped.ngroup()).transform("nunique") > 1
    _mark(
        reasons, details, _at(spread, rows), "duplicate_disagrees", "given twice, with other values"
    )
    copies = usable.duplicated([*key, *content])
    _mark(reasons, details, _at(copies, rows), "duplicate_collapsed", "equal copy")
    stamps = pd.DatetimeIndex(rows[moment])
    naive = stamps if stamps.tz is None else stamps.tz_convert("UTC").tz_localize(None)
    refused = quarantined(rows.assign(ts=naive)[_REFUSED], reasons, details, target)
    return rows[reasons == ""].reset_index(drop=True), joined([refused])


_REFUSED: Final = ["source_file", "symbol", "ts"]


def _mark(
    reasons: NDArray[np.object_],
    details: NDArray[np.object_],
    where: NDArray[np.bool_],
    reason: str,
    detail: str,
) -> None:
    first = where & (reasons == "")
    reasons[first], details[first] = reason, detail


def _at(flags: "pd.Series[bool]", rows: pd.DataFrame) -> NDArray[np.bool_]:
    return flags.reindex(rows.index, fill_value=False).to_numpy(bool)
