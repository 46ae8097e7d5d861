"""Tables of falls: what the model said of them, and what trading them was worth."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.reports.plots_selloffs import SCANNERS, SPANS, in_r
from trading_pipeline.reports.scales import percent
from trading_pipeline.reports.table import Cell, Row, Table, counted, table_of, worded
from trading_pipeline.reports.tables_model import verdict_table
from trading_pipeline.reports.wording import NOT_ASSESSABLE, between, is_missing, quantity

MOST_SYMBOLS = 30
SPAN_NAMES = dict(SPANS)
SLICE_NAMES = {"rung": "depth", "hour": "hour, New York", "cost_multiple": "costs times"}


def scanners_table(backtest: pd.DataFrame, span: str) -> Table:
    """Return every scanner over all falls of one span (selloffs.backtest)."""
    whole = backtest[(backtest["slice_kind"] == "all") & (backtest["span"] == span)]
    order = {name: i for i, name in enumerate(SCANNERS)}
    return table_of(
        f"Scanners on the same falls, {SPAN_NAMES[span]}",
        whole.assign(place=whole["scanner"].map(order)).sort_values("place"),
        [
            ("scanner", lambda row: SCANNERS[str(row["scanner"])][1], False),
            ("trades", lambda row: f"{row['n_trades']:,} of {row['n_events']:,}", True),
            ("a week", lambda row: _plain(row["trades_per_week"], 1), True),
            ("R a trade, net", lambda row: value_of(row, "expectancy"), True),
            ("less taking all", _difference, True),
            ("before costs", lambda row: in_r(row["gross_expectancy_r"], 3), True),
            ("winners", _share("hit_rate"), True),
            ("profit factor", lambda row: _plain(row["profit_factor"]), True),
            ("drawdown", lambda row: in_r(row["max_drawdown_r"], 1), True),
        ],
        "R is one risk unit: entry less stop. The trivial score (stop, target, time of day) takes "
        "as many falls of each test block as the model.",
    )


def slices_table(backtest: pd.DataFrame, kind: str, title: str) -> Table:
    """Return one kind of slice: taking all beside the model's selection, hold-out first."""
    part = backtest[backtest["slice_kind"] == kind]
    keys = ["span", "slice"]
    both = part[part["scanner"] == "take_all"].merge(
        part[part["scanner"] == "model"], on=keys, suffixes=("", "_model")
    )
    both = both.assign(place=_places(both["slice"], kind))
    if kind == "symbol":
        most = both[both["span"] == "holdout"].nlargest(MOST_SYMBOLS, "n_events", keep="first")
        both = both[both["slice"].isin(most["slice"])]
    both = both.sort_values(["span", "place", "slice"], ascending=[True, True, True])
    n_more = part["slice"].nunique() - both["slice"].nunique()

    def name(row: Row) -> str:
        value = str(row["slice"])
        if kind == "rung":
            return percent(float(value))
        return f"{value}:00" if kind == "hour" else worded("slice")(row)

    def shown(row: Row) -> str | Cell:
        return value_of(row, "expectancy", "is_assessable")

    def of_model(row: Row) -> str | Cell:
        renamed = {
            f"expectancy_{end}": row[f"expectancy_{end}_model"] for end in ("r", "low", "high")
        }
        return value_of({**renamed, "is_assessable": row["is_assessable_model"]}, "expectancy")

    def beside(row: Row) -> str | Cell:
        if not row["is_assessable_model"]:
            return Cell(NOT_ASSESSABLE, "open")
        ends = (row[f"difference_{end}_model"] for end in ("r", "low", "high"))
        return between(*ends)

    return table_of(
        title,
        both,
        [
            (
                SLICE_NAMES.get(kind, kind.replace("_", " ")),
                name if kind != "symbol" else lambda row: Cell(str(row["slice"]), "code"),
                False,
            ),
            ("span", lambda row: SPAN_NAMES[str(row["span"])], False),
            ("taking all, R", shown, True),
            ("trades", counted("n_trades"), True),
            ("model, R", of_model, True),
            ("trades", counted("n_trades_model"), True),
            ("difference, R", beside, True),
        ],
        _remark(kind, n_more),
    )


def _remark(kind: str, n_more: int) -> str:
    if kind == "rung":
        return (
            "Each depth as if it alone were traded. The scanners trade a symbol once a session, on "
            "its first fall."
        )
    return f"{n_more:,} more are in selloffs.backtest." if n_more else ""


def value_of(row: Row, name: str, told: str = "is_assessable") -> str | Cell:
    """Write a figure with its interval, or that too few trades tell it."""
    if not row[told]:
        return Cell(NOT_ASSESSABLE, "open")
    return between(row[f"{name}_r"], row[f"{name}_low"], row[f"{name}_high"])


def _places(slices: pd.Series, kind: str) -> pd.Series:
    """Return the order of the slices: numbers by value, regimes as everywhere, names by letter."""
    if kind == "regime":
        order = {regime: i for i, regime in enumerate(REGIMES)}
        return slices.map(order).fillna(len(order))
    return pd.to_numeric(slices, errors="coerce").fillna(0.0)


def metrics_table(metrics: pd.DataFrame) -> Table:
    """Return AUC, accuracy and calibration of the model and its baselines (selloffs.metrics)."""
    learners = {"model": 0, "trivial": 1, "majority": 2}
    regimes = {name: i for i, name in enumerate(("all", *REGIMES))}
    ordered = metrics.assign(
        a=metrics["learner"].map(learners), b=metrics["regime"].map(regimes)
    ).sort_values(["span", "b", "a", "regime"])

    def ends(name: str) -> Callable[[Row], str | Cell]:
        def write(row: Row) -> str | Cell:
            if not row["is_assessable"]:
                return Cell(NOT_ASSESSABLE, "open")
            return between(row[name], row[f"{name}_low"], row[f"{name}_high"])

        return write

    return table_of(
        "The model beside its baselines",
        ordered,
        [
            ("who", worded("learner"), False),
            ("span", lambda row: SPAN_NAMES[str(row["span"])], False),
            ("regime", worded("regime"), False),
            ("AUC", ends("auc"), True),
            ("accuracy", ends("accuracy"), True),
            ("reversed", _share("base_rate"), True),
            ("ECE", lambda row: quantity(row["ece"]), True),
            ("slope", lambda row: quantity(row["calibration_slope"]), True),
            ("falls", counted("n_events"), True),
            ("sessions", counted("n_sessions"), True),
        ],
        "The majority class says of each fall what most falls did; it cannot rank.",
    )


def criteria_table(rows: pd.DataFrame) -> Table:
    """Return every criterion of the verdict on the model of falls (selloffs.verdicts)."""
    table = verdict_table(rows)
    return replace(table, title=f"The gate on the model of falls: {rows['verdict'].iloc[0]}")


def _difference(row: Row) -> str | Cell:
    return "–" if row["scanner"] == "take_all" else value_of(row, "difference")


def _share(name: str) -> Callable[[Row], str]:
    return lambda row: "–" if is_missing(row[name]) else percent(row[name])


def _plain(value: object, digits: int = 2) -> str:
    return "–" if is_missing(value) else f"{float(value):,.{digits}f}"  # type: ignore[arg-type]
