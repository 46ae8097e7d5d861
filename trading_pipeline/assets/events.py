"""Events of the bars stage: news, posts, options and fund flows, schedules, each with `known_at`.

market folder  ->  bars.news, social, options_flow, etf_flows, calendar_events
"""

import pandas as pd

from trading_pipeline.assets.source import market_folder, source_asset, source_fingerprint
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.domain.bars.events import CLEANERS
from trading_pipeline.resources import StageRun

NEW_YORK = "America/New_York"


def cleaned_events(run: StageRun, kind: str) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Return (table, quarantine) of a kind of events, cleaned once a run; None without a file."""
    raw = market_folder(run).read_events(kind)
    if raw is None:
        return None
    key = source_fingerprint(run)["files"]
    found: tuple[pd.DataFrame, pd.DataFrame] = run.remember(
        f"clean {kind}", key, lambda: CLEANERS[kind](raw)
    )
    return found


def refused_events(run: StageRun) -> list[pd.DataFrame]:
    """Return the quarantine of every kind of events that the source has."""
    return [found[1] for kind in CLEANERS if (found := cleaned_events(run, kind)) is not None]


def _events(run: StageRun, kind: str) -> TableResult:
    """Return a kind's events known by the source's end, with what was refused of them."""
    found = cleaned_events(run, kind)
    if found is None:
        empty = run.table(f"bars.{kind}").iloc[:0]
        return TableResult(empty, {"why empty": f"the source has no events/{kind} file"})
    table, refused = found
    end = run.config.source.end
    if end is not None:
        after = pd.Timestamp(end).tz_localize(NEW_YORK) + pd.DateOffset(days=1)
        table = table[table["known_at"] < after].reset_index(drop=True)
    metadata: dict[str, object] = {"refused": len(refused)}
    if len(table):
        known = table["known_at"].dt.tz_convert(NEW_YORK)
        metadata |= {
            "symbols": int(table["symbol"].nunique()),
            "first known": f"{known.min():%Y-%m-%d %H:%M} New York",
            "last known": f"{known.max():%Y-%m-%d %H:%M} New York",
        }
    return TableResult(table, metadata)


def _with(result: TableResult, metadata: dict[str, object]) -> TableResult:
    return TableResult(result.rows, {**result.metadata, **metadata})


def _frame(result: TableResult) -> pd.DataFrame:
    assert isinstance(result.rows, pd.DataFrame)
    return result.rows


@source_asset("bars.news")
def news(run: StageRun) -> TableResult:
    """News with its sentiment, each item from the moment its readers had it in this wording."""
    result = _events(run, "news")
    rows = _frame(result)
    if rows.empty:
        return result
    return _with(
        result,
        {
            **_scored(rows),
            "about the whole market": int(rows["symbol"].isna().sum()),
            "plot": run.plot("news", "news by month with mean sentiment", news=rows),
        },
    )


@source_asset("bars.social")
def social(run: StageRun) -> TableResult:
    """Posts, or counts of posts, with their sentiment."""
    result = _events(run, "social")
    rows = _frame(result)
    if rows.empty:
        return result
    posts = rows.groupby("platform")["n_posts"].sum().sort_values(ascending=False)
    held = ", ".join(f"{platform} {n:,}" for platform, n in posts.items())
    return _with(result, {**_scored(rows), "posts by platform": held})


@source_asset("bars.options_flow")
def options_flow(run: StageRun) -> TableResult:
    """Calls against puts per underlying and session, in every vintage."""
    result = _events(run, "options_flow")
    rows = _frame(result)
    if rows.empty:
        return result
    return _with(result, {"mean imbalance": round(float(rows["imbalance"].mean()), 4)})


@source_asset("bars.etf_flows")
def etf_flows(run: StageRun) -> TableResult:
    """Money that came into or left a fund per session, in every vintage."""
    result = _events(run, "etf_flows")
    rows = _frame(result)
    if rows.empty:
        return result
    newest = rows.sort_values("known_at").drop_duplicates(["symbol", "session_date"], keep="last")
    net = newest.groupby("symbol")["flow_usd"].sum()
    return _with(result, {f"net flow {name}": f"{usd:,.0f} USD" for name, usd in net.items()})


@source_asset("bars.calendar_events")
def calendar_events(run: StageRun) -> TableResult:
    """Scheduled FOMC decisions, CPI releases and earnings, in every version of the schedule."""
    result = _events(run, "calendar_events")
    rows = _frame(result)
    if rows.empty:
        return result
    n_events = rows.groupby("kind")["event_id"].nunique()
    moved = int(rows.duplicated(["kind", "symbol", "event_id"]).sum())
    by_kind = {str(kind): int(n) for kind, n in n_events.items()}
    return _with(result, {**by_kind, "schedules changed": moved})


def _scored(rows: pd.DataFrame) -> dict[str, object]:
    """Return who scored how many rows, and the mean sentiment."""
    mean, by_model = rows["sentiment"].mean(), rows["sentiment_model"].value_counts()
    return {
        "mean sentiment": "none" if pd.isna(mean) else round(float(mean), 4),
        **{f"scored by {who}": int(n) for who, n in by_model.items()},
    }
