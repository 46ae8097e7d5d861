"""Selloffs stage, its worth: the scanner without a model against the scanner with it.

selloffs.scores, selloffs.outcomes, selloffs.events  ->  selloffs.backtest, selloffs.equity
"""

import pandas as pd

from trading_pipeline.assets.selloff_pictures import gallery
from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.domain.selloffs.backtest import (
    HOLDOUT,
    SCANNERS,
    compare_scanners,
    equity_by_session,
    offered_falls,
)
from trading_pipeline.resources import StageRun

NO_SCORES = "no model has scored a tradable fall out of sample"
SETTINGS = ("selloffs.backtest", "selloffs.trade")


def offered(run: StageRun) -> pd.DataFrame:
    """Return the falls that the scanners were offered, with the size each gives them."""
    return offered_falls(run.table("selloffs.scores"), run.table("selloffs.events"))


@table_asset(
    "selloffs.backtest",
    reads=(
        "selloffs.scores",
        "selloffs.outcomes",
        "selloffs.events",
        "bars.sectors",
        "bars.minute",
    ),
    settings=SETTINGS,
)
def backtest(run: StageRun) -> TableResult:
    """Expectancy in R of each scanner on the same falls, by slice, delay and cost, with n."""
    falls, outcomes = offered(run), run.table("selloffs.outcomes")
    table = compare_scanners(
        falls,
        outcomes,
        run.table("bars.sectors"),
        run.read("select distinct session_date from bars.minute")["session_date"],
        run.config.selloffs,
    )
    events = run.table("selloffs.events")
    among = None if falls.empty else falls
    # Falls and trades are pictures of other tables, which are written month by month.
    metadata: dict[str, object] = {
        "falls": run.plot("selloffs", "falls by depth and hour", selloffs=events),
        "gallery": run.plot(
            "selloff_gallery",
            "best and worst trades, minute by minute",
            **gallery(run, events, outcomes, among),
        ),
    }
    if table.empty:
        return TableResult(table, {"why empty": NO_SCORES, **metadata})
    whole = table[(table["span"] == HOLDOUT) & (table["slice_kind"] == "all")]
    for row in whole.to_dict("records"):
        told = f"{row['expectancy_r']:+.4f} R" if row["is_assessable"] else "not assessable"
        metadata[f"hold-out, {row['scanner']}"] = f"{told}, {row['n_trades']:,} trades"
    metadata["plot"] = run.plot("selloff_scanners", "expectancy of each scanner", backtest=table)
    return TableResult(table, metadata)


@table_asset(
    "selloffs.equity",
    reads=("selloffs.scores", "selloffs.outcomes", "selloffs.events"),
    settings=SETTINGS,
)
def equity(run: StageRun) -> TableResult:
    """Summed net multiples of each scanner, session by session."""
    falls = offered(run)
    curve = equity_by_session(falls, run.table("selloffs.outcomes"), run.config.selloffs)
    if curve.empty:
        return TableResult(curve, {"why empty": NO_SCORES})
    ends = curve[curve["span"] == HOLDOUT].groupby("scanner")["r_net"].sum()
    return TableResult(
        curve,
        {
            **{f"hold-out R, {n}": round(float(ends[n]), 3) for n in SCANNERS if n in ends},
            "plot": run.plot("selloff_equity", "scanners, summed R net of costs", equity=curve),
            "by hour": run.plot("selloff_hours", "net R by hour and depth", offered=falls),
        },
    )
