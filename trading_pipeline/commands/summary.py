"""The result of a run as one object: the JSON contract, and the summary in the terminal."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.commands.selloff_summary import selloff_figures, selloff_line
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.steps import STEPS, step_of
from trading_pipeline.contracts.vocabulary import BASELINES, REGIMES, STAGES, UNKNOWN_REGIME

Summary = dict[str, Any]
# How far the stack may lie below plain LightGBM in a regime before a note says so.
PLAIN_MARGIN = 0.002


def build_summary(
    warehouse: Warehouse, config: PipelineConfig, run_id: str, seconds: Mapping[str, float]
) -> Summary:
    """Return the object of `run --json`; a stage without input is None, its reason in notes."""
    notes = [*_health(warehouse), *_learners_left_out(warehouse, config)]
    return {
        "run_id": run_id,
        "source": config.source.kind,
        "profile": config.profile,
        "home": str(warehouse.home),
        "report": _report(warehouse),
        "data": _data(warehouse),
        "stages": _stages(warehouse, seconds),
        "steps": step_rows(seconds),
        "regimes": _regimes(warehouse),
        "archive": _archive(warehouse),
        "features": _features(warehouse),
        "holdout": _holdout(warehouse, notes),
        "backtest": _backtest(warehouse, notes),
        "selloffs": selloff_figures(warehouse, config.selloffs, notes),
        "gate": _gate(warehouse, notes),
        "model": _model(warehouse, config.tracking.registered_model, notes),
        "notes": notes,
    }


def write_json(summary: Summary, path: Path) -> None:
    """Write the object, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n", "utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"--json {path} cannot be written: {error.strerror}") from None


def print_summary(console: Console, summary: Summary) -> None:
    """Print what a person wants to know first."""
    data, holdout, backtest = summary["data"], summary["holdout"], summary["backtest"]
    table = Table(
        show_header=False, box=None, padding=(0, 2), title="Summary", title_justify="left"
    )
    table.add_column(style="dim")
    table.add_column()
    table.add_row(
        "data",
        f"{data['symbols']} symbols, {data['first_session']} to {data['last_session']}, "
        f"{data['daily_rows']:,} daily and {data['minute_rows']:,} minute bars, "
        f"{data['quarantined_rows']:,} rows in quarantine",
    )
    table.add_row("regimes", ", ".join(f"{k} {v}" for k, v in summary["regimes"].items() if v))
    if holdout:
        table.add_row(
            "hold-out",
            f"AUC {_number(holdout['auc'])} \\[{_number(holdout['auc_low'])}, "
            f"{_number(holdout['auc_high'])}], Rank IC {_number(holdout['rank_ic'])}, "
            f"{holdout['rows']:,} rows, {holdout['first_session']} to {holdout['last_session']}",
        )
    if backtest:
        table.add_row(
            "backtest",
            f"net {_percent(backtest['net_return_frac'])} after costs of "
            f"{_percent(backtest['cost_frac'])}, Sharpe {_number(backtest['sharpe_net'], 2)}, "
            f"worst drawdown {_percent(backtest['max_drawdown_frac'])}, "
            f"{backtest['trades']:,} trades",
        )
    if summary["selloffs"]:
        table.add_row("selloffs", selloff_line(summary["selloffs"]))
    steps = [f"{row['step']} {row['name']} {row['seconds']:.1f} s" for row in summary["steps"]]
    table.add_row("steps", " · ".join(steps))
    verdict = summary["gate"]["verdict"] if summary["gate"] else "none"
    colour = {"promoted": "green", "rejected": "red"}.get(verdict, "yellow")
    table.add_row("verdict", f"[bold {colour}]{verdict}[/]")
    for reason in summary["gate"]["reasons"] if summary["gate"] else []:
        table.add_row("", escape(reason))
    for note in summary["notes"]:
        table.add_row("note", escape(note))
    table.add_row("report", str(summary["report"] or "none"))
    console.print()
    console.print(table, soft_wrap=False)
    if holdout:
        console.print()
        console.print(_beside_baselines(holdout), soft_wrap=False)


def _beside_baselines(holdout: Summary) -> Table:
    """Return AUC by regime of the stack and of each baseline; a dash is not assessable."""
    table = Table(box=None, padding=(0, 2), title="AUC on the hold-out", title_justify="left")
    table.add_column("regime", style="dim", no_wrap=True)
    models = {"stack": holdout, **holdout["baselines"]}
    for name in ("rows", *models):
        table.add_column(name.replace("_", " "), justify="right")
    table.add_row("all", f"{holdout['rows']:,}", *(_number(m["auc"], 4) for m in models.values()))
    for regime, own in holdout["by_regime"].items():
        scores = [model["by_regime"][regime]["auc"] for model in models.values()]
        shown = [_number(auc, 4) if own["is_assessable"] else "–" for auc in scores]
        table.add_row(regime, f"{own['n_rows']:,}", *shown)
    return table


def _number(value: float | None, digits: int = 3) -> str:
    return "not assessable" if value is None else f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    return "not assessable" if value is None else f"{100 * value:.1f} %"


def plain(value: Any) -> Any:
    """Return a JSON value: dates as ISO 8601, missing as None, NumPy numbers as Python's."""
    if value is None or value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _row(warehouse: Warehouse, sql: str) -> dict[str, Any]:
    frame = warehouse.read(sql)
    return {} if frame.empty else {str(k): plain(v) for k, v in frame.iloc[0].items()}


def _report(warehouse: Warehouse) -> str | None:
    path = _row(warehouse, "select path from reports.runs").get("path")
    return str(warehouse.home / path) if path else None


def _data(warehouse: Warehouse) -> Summary:
    return _row(
        warehouse,
        """
        select
            (select count(*) from bars.universe) as symbols,
            min(session_date) as first_session,
            max(session_date) as last_session,
            count(*) as daily_rows,
            (select count(*) from bars.minute) as minute_rows,
            (select count(*) from bars.quarantine) as quarantined_rows
        from bars.daily
        """,
    )


def _stages(warehouse: Warehouse, seconds: Mapping[str, float]) -> list[Summary]:
    ledger = warehouse.materializations().values()
    stages = []
    for stage in STAGES:
        tables = [m for m in ledger if m.asset.startswith(f"{stage}.")]
        spent = sum(seconds.get(m.asset, 0.0) for m in tables)
        rows = sum(m.n_rows for m in tables)
        stages.append({"stage": stage, "seconds": round(spent, 3), "rows": rows})
    return stages


def step_rows(seconds: Mapping[str, float]) -> list[Summary]:
    """Return the twelve steps with the seconds of their tables, by table."""
    return [
        {
            "step": step.number,
            "name": step.name,
            "tables": sum(step_of(table) == step for table in seconds),
            "seconds": round(sum(s for table, s in seconds.items() if step_of(table) == step), 3),
        }
        for step in STEPS
    ]


def _regimes(warehouse: Warehouse) -> Summary:
    counts = warehouse.read("select regime, count(*) as n from regimes.market group by regime")
    known = dict(zip(counts["regime"], counts["n"], strict=True))
    return {regime: int(known.get(regime, 0)) for regime in (*REGIMES, UNKNOWN_REGIME)}


def _archive(warehouse: Warehouse) -> Summary:
    return _row(
        warehouse,
        """
        select
            (select count(*) from memory.rare_events) as events,
            count(distinct event) as events_with_samples,
            count(*) as samples
        from memory.archive
        """,
    )


def _features(warehouse: Warehouse) -> Summary:
    return _row(
        warehouse,
        """
        select
            (select count(*) from features.catalog) as n_catalog,
            count(*) filter (block = 0 and is_selected) as n_selected
        from features.selected
        """,
    )


def _health(warehouse: Warehouse) -> list[str]:
    wrong = warehouse.read(
        "select model_version, criterion, detail from gate.health where not is_healthy"
        " order by position"
    )
    return [
        f"health: champion {row.model_version} was unhealthy before this run:"
        f" {row.criterion}: {row.detail}"
        for row in wrong.itertuples()
    ]


def _learners_left_out(warehouse: Warehouse, config: PipelineConfig) -> list[str]:
    known = set(warehouse.read("select distinct member from ensemble.model")["member"])
    return [
        f"learners: {name} failed and is left out; its assets say why"
        for name in config.sweeps.learners
        if name not in known
    ]


def _holdout(warehouse: Warehouse, notes: list[str]) -> Summary | None:
    every = warehouse.read("select * from ensemble.scores order by learner, regime")
    scores = every[every["learner"] == "stack"]
    if scores.empty:
        notes.append("holdout: no closed label inside the hold-out")
        return None
    span = _row(
        warehouse,
        """
        select min(session_date) as first_session, max(session_date) as last_session,
            count(*) as rows
        from ensemble.holdout where learner = 'stack'
        """,
    )
    own = _scored(scores)
    beside = {name: _scored(every[every["learner"] == name]) for name in BASELINES}
    notes.extend(_below_plain(own, beside["plain_lightgbm"]))
    return {**span, **own, "sharpe_net": _metric(warehouse, "sharpe_net"), "baselines": beside}


def _scored(scores: pd.DataFrame) -> Summary:
    fields = ["auc", "auc_low", "auc_high", "rank_ic"]
    by_name = scores.set_index("regime")
    extra = ["n_rows", "n_sessions", "n_horizons", "is_assessable"]
    return {
        **{name: plain(by_name.loc["all", name]) for name in fields},
        "by_regime": {
            regime: {name: plain(row[name]) for name in [*extra, *fields]}
            for regime, row in by_name.drop(index="all").iterrows()
        },
    }


def _below_plain(own: Summary, plain_model: Summary) -> list[str]:
    """Return where the stack lies below LightGBM as the library comes, in words."""
    found = []
    for regime, score in own["by_regime"].items():
        theirs = plain_model["by_regime"][regime]["auc"]
        if not score["is_assessable"] or score["auc"] is None or theirs is None:
            continue
        gap = score["auc"] - theirs
        if gap < -PLAIN_MARGIN:
            found.append(
                f"holdout: in {regime} the stack is {-gap:.4f} AUC below plain LightGBM"
                f" ({score['auc']:.4f} against {theirs:.4f}, {score['n_rows']:,} rows)"
            )
    return found


def _metric(warehouse: Warehouse, name: str) -> float | None:
    value = _row(warehouse, f"select value from backtest.summary where metric = '{name}'").get(
        "value"
    )
    return None if value is None else float(value)


def _backtest(warehouse: Warehouse, notes: list[str]) -> Summary | None:
    trades = _row(warehouse, "select count(*) as trades from backtest.trades")["trades"]
    if not trades:
        notes.append("backtest: no trade over the hold-out")
        return None
    names = ("net_return_frac", "sharpe_net", "max_drawdown_frac", "cost_frac")
    return {"trades": trades, **{name: _metric(warehouse, name) for name in names}}


def _gate(warehouse: Warehouse, notes: list[str]) -> Summary | None:
    rows = warehouse.read("select * from gate.verdicts order by position")
    if rows.empty:
        notes.append("gate: nothing was judged")
        return None
    open_rows = rows[rows["is_passed"].isna() | (rows["is_passed"] == False)]  # noqa: E712
    reasons = [_reason(row) for _, row in open_rows.iterrows()]
    return {"verdict": rows["verdict"].iloc[0], "reasons": reasons or ["every criterion holds"]}


def _reason(row: "pd.Series[Any]") -> str:
    value = plain(row["value"])
    seen = "not assessable" if value is None or pd.isna(row["is_passed"]) else f"{value:.4g}"
    return f"{row['criterion']}: {seen}, required {row['threshold']} ({row['detail']})"


def _model(warehouse: Warehouse, name: str, notes: list[str]) -> Summary | None:
    row = _row(
        warehouse,
        "select model_version, mlflow_run_id, mlflow_model_version, state, detail"
        " from reports.tracking semi join ensemble.deployed using (model_version)",
    )
    if not row:
        return None
    if row["state"] != "logged":
        notes.append(f"mlflow: {row['state']}: {row['detail']}")
    version = row["mlflow_model_version"] or row["model_version"]
    return {"name": name, "version": version, "mlflow_run_id": row["mlflow_run_id"]}
