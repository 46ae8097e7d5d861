"""Tables of the data: symbols, refusals, regimes, events, folds, drift, selloffs, stages."""

import pandas as pd

from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.reports.palette import REGIME_ORDER
from trading_pipeline.reports.plots_market import spells
from trading_pipeline.reports.scales import percent
from trading_pipeline.reports.table import (
    Cell,
    Row,
    Table,
    as_is,
    counted,
    dated,
    table_of,
    valued,
    worded,
)
from trading_pipeline.reports.wording import NOT_ASSESSABLE, is_missing, quantity, whole, words


def universe_table(universe: pd.DataFrame) -> Table:
    """Return what kinds of symbols there are and when they traded (bars.universe)."""
    grouped = universe.groupby(["kind", "is_simulated"], as_index=False).agg(
        n_symbols=("symbol", "size"),
        first_date=("first_date", "min"),
        last_date=("last_date", "max"),
        n_sessions=("n_sessions", "sum"),
        n_delisted=("is_delisted", "sum"),
    )
    return table_of(
        "Symbols",
        grouped,
        [
            ("kind", worded("kind"), False),
            ("origin", lambda row: "simulated" if row["is_simulated"] else "real", False),
            ("symbols", counted("n_symbols"), True),
            ("first session", dated("first_date"), True),
            ("last session", dated("last_date"), True),
            ("bars", counted("n_sessions"), True),
            ("delisted", counted("n_delisted"), True),
        ],
    )


def quarantine_table(quarantine: pd.DataFrame) -> Table:
    """Return counts and one example per reason (bars.quarantine)."""
    ordered = quarantine.sort_values(["reason", "symbol", "ts"])
    grouped = ordered.groupby("reason", as_index=False).agg(
        n_rows=("reason", "size"),
        target=("target", "first"),
        symbol=("symbol", "first"),
        ts=("ts", "first"),
        detail=("detail", "first"),
    )

    def example(row: Row) -> str:
        when = f"{row['ts']}".removesuffix(" 00:00:00").removesuffix("T00:00:00")
        symbol = "" if is_missing(row["symbol"]) else f"{row['symbol']} "
        return f"{symbol}{when}: {row['detail']}"

    return table_of(
        "Refused or withheld rows",
        grouped.sort_values(["n_rows", "reason"], ascending=[False, True]),
        [
            ("reason", worded("reason"), False),
            ("rows", counted("n_rows"), True),
            ("meant for", as_is("target"), False),
            ("first example", example, False),
        ],
    )


def regimes_table(regimes: pd.DataFrame) -> Table:
    """Return sessions, share and spells of each regime (regimes.market)."""
    runs = spells(regimes)
    rows = []
    for regime in REGIME_ORDER:
        n, mine = int((regimes["regime"] == regime).sum()), runs[runs["regime"] == regime]
        if n or regime in REGIMES:
            longest = mine["n_sessions"].max() if n else None
            rows.append((regime, n, n / max(len(regimes), 1), len(mine), longest))
    names = ["regime", "n", "share", "n_spells", "longest"]
    return table_of(
        "Sessions by regime",
        pd.DataFrame(rows, columns=names).astype({"longest": "Int64"}),
        [
            ("regime", lambda row: Cell(words(row["regime"]), f"dot r-{row['regime']}"), False),
            ("sessions", counted("n"), True),
            ("share", lambda row: percent(row["share"]), True),
            ("spells", counted("n_spells"), True),
            ("longest spell (sessions)", counted("longest"), True),
        ],
    )


def events_table(events: pd.DataFrame) -> Table:
    """Return the catalogue with what the data hold of it (memory.rare_events)."""
    return table_of(
        "Rare events",
        events.sort_values("first_date"),
        [
            ("event", worded("event"), False),
            ("from", dated("first_date"), True),
            ("to", dated("last_date"), True),
            ("regime", lambda row: Cell(words(row["regime"]), f"dot r-{row['regime']}"), False),
            ("weight", lambda row: percent(row["weight"]), True),
            ("sessions held", counted("n_sessions"), True),
            ("symbols held", counted("n_symbols"), True),
        ],
    )


def folds_table(blocks: pd.DataFrame) -> Table:
    """Return every span of every fold (fold, role, first_date, last_date)."""
    return table_of(
        "Spans of the folds",
        blocks,
        [
            ("fold", lambda row: f"{row['fold']}" if row["fold"] else "final", False),
            ("role", lambda row: Cell(words(row["role"]), f"dot f-{row['role']}"), False),
            ("from", dated("first_date"), True),
            ("to", dated("last_date"), True),
            (
                "calendar days",
                lambda row: whole((row["last_date"] - row["first_date"]).days + 1),
                True,
            ),
        ],
    )


def drift_table(features: pd.DataFrame, most: int = 10) -> Table:
    """Return the features that moved most (drift.features)."""

    def state(row: Row) -> Cell:
        if is_missing(row["psi"]):
            return Cell(NOT_ASSESSABLE, "open")
        return Cell("drifted", "bad") if row["is_drifted"] else Cell("within limits", "good")

    ranked = features.sort_values(["psi", "feature"], ascending=[False, True], na_position="last")
    n_more = len(features) - most
    return table_of(
        "Features that moved most",
        ranked.head(most),
        [
            ("feature", lambda row: Cell(str(row["feature"]), "code"), False),
            ("PSI", valued("psi"), True),
            ("own threshold", valued("threshold"), True),
            ("KS", valued("ks"), True),
            ("state", state, False),
            ("training values", counted("n_reference"), True),
            ("live values", counted("n_live"), True),
        ],
        f"{n_more:,} more features moved less." if n_more > 0 else "",
    )


def episodes_table(episodes: pd.DataFrame) -> Table:
    """Return the spells of drift (drift.episodes)."""
    return table_of(
        "Drift episodes",
        episodes.sort_values("opened_date"),
        [
            ("opened", dated("opened_date"), True),
            ("last session", dated("last_date"), True),
            ("reason", worded("reason"), False),
            ("share drifted", lambda row: quantity(row["share_drifted"], "share_frac"), True),
            ("state", worded("state"), False),
            ("model", as_is("model_version"), False),
        ],
    )


def selloffs_table(selloffs: pd.DataFrame) -> Table:
    """Return counts of intraday falls per rung (selloffs.events)."""
    grouped = selloffs.groupby("rung", as_index=False).agg(
        n=("symbol", "size"),
        n_symbols=("symbol", "nunique"),
        n_sessions=("session_date", "nunique"),
        median=("drop_frac", "median"),
        deepest=("drop_frac", "min"),
    )
    return table_of(
        "Falls by depth",
        grouped,
        [
            ("rung", lambda row: percent(row["rung"]), True),
            ("events", counted("n"), True),
            ("symbols", counted("n_symbols"), True),
            ("sessions", counted("n_sessions"), True),
            ("median fall", lambda row: quantity(row["median"], "drop_frac"), True),
            ("deepest fall", lambda row: quantity(row["deepest"], "drop_frac"), True),
        ],
    )


def stages_table(stages: pd.DataFrame) -> Table:
    """Return how long each stage took (stage, seconds, rows)."""
    return table_of(
        "Seconds by stage",
        stages,
        [
            ("stage", worded("stage"), False),
            ("seconds", lambda row: f"{row['seconds']:,.1f}", True),
            ("rows", counted("rows"), True),
        ],
    )
