"""What a run found of falls: the figures of `run --json`, and its line in the terminal."""

import math
from typing import Any

from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.contracts.selloffs_config import SelloffsConfig
from trading_pipeline.domain.selloffs.backtest import HOLDOUT, MODEL, TAKE_ALL
from trading_pipeline.domain.selloffs.edge import edge_verdict

# Figure: learner and column of selloffs.metrics.
METRICS = {
    "base_rate": ("model", "base_rate"),
    "accuracy": ("model", "accuracy"),
    "majority_accuracy": ("majority", "accuracy"),
    "auc": ("model", "auc"),
}
# Figure: scanner of selloffs.backtest.
EXPECTANCIES = {"baseline_r": TAKE_ALL, "model_r": MODEL}
MODEL_FIGURES = (*METRICS, *EXPECTANCIES)


def selloff_figures(
    warehouse: Warehouse, config: SelloffsConfig, notes: list[str]
) -> dict[str, Any] | None:
    """Return events and the hold-out's figures; None without minute bars, said in `notes`.

    A figure that is absent or not assessable is None; the note then tells what there is.
    """
    if warehouse.read("select 1 as one from bars.minute limit 1").empty:
        notes.append("selloffs: no minute bars in the source's span")
        return None
    n_events = int(warehouse.read("select count(*) as n from selloffs.events")["n"].iloc[0])
    metrics = warehouse.read(
        "select learner, base_rate, accuracy, auc, n_study, is_assessable"
        " from selloffs.metrics where span = $span and regime = 'all'",
        {"span": HOLDOUT},
    )
    table = warehouse.read("select * from selloffs.backtest where span = $span", {"span": HOLDOUT})
    scanners = table[table["slice_kind"] == "all"]
    told = metrics[metrics["is_assessable"].astype(bool)].set_index("learner")
    worth = scanners[scanners["is_assessable"].astype(bool)].set_index("scanner")["expectancy_r"]
    figures: dict[str, float | None] = {
        name: _number(told[column].get(learner)) for name, (learner, column) in METRICS.items()
    } | {name: _number(worth.get(scanner)) for name, scanner in EXPECTANCIES.items()}
    curve = warehouse.read("select span, scanner, session_date from selloffs.equity")
    n_study = int(metrics["n_study"].max()) if len(metrics) else 0
    found = edge_verdict(table, curve, n_study, config)
    notes.append(f"selloffs: {found.words}")
    absent = [name for name in MODEL_FIGURES if figures[name] is None]
    if absent and found.state != "not_assessable":
        notes.append(f"selloffs: {', '.join(absent)} not assessable")
    return {"events": n_events, **figures}


def selloff_line(figures: dict[str, Any]) -> str:
    """Return the events and, where they could be told, the figures of the hold-out."""
    line = f"{figures['events']:,} events"
    told = (
        ("base rate", "base_rate", ".1%"),
        ("accuracy", "accuracy", ".1%"),
        ("majority", "majority_accuracy", ".1%"),
        ("AUC", "auc", ".3f"),
        ("taking all", "baseline_r", "+.3f"),
        ("model", "model_r", "+.3f"),
    )
    for words, name, style in told:
        if figures[name] is not None:
            unit = " R" if name.endswith("_r") else ""
            line += f", {words} {format(figures[name], style)}{unit}"
    return line


def _number(value: object) -> float | None:
    if value is None or not math.isfinite(float(value)):  # type: ignore[arg-type]
        return None
    return float(value)  # type: ignore[arg-type]
