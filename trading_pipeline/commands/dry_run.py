"""A dry run: every table with what would become of it, and time and memory of each step."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.assets.table_asset import staleness_rules
from trading_pipeline.automation.plan import TablePlan, plan_tables
from trading_pipeline.commands.estimate import Estimate, estimate
from trading_pipeline.commands.run import assets_of
from trading_pipeline.commands.summary import write_json
from trading_pipeline.commands.vendors import print_fetch_estimate
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.provenance import Materialization
from trading_pipeline.contracts.steps import STEPS, Step
from trading_pipeline.definitions import build_definitions
from trading_pipeline.reports.renderer import ReportRenderer
from trading_pipeline.resources import VendorAccess, open_warehouse, watched_run
from trading_pipeline.settings import vendor_keys

# Of one table: asking whether it is stale, its checks, its write. Measured on two cores.
OVERHEAD_SECONDS = 0.4


@dataclass(frozen=True, slots=True)
class StepPlan:
    """What a step would take; `follows` counts tables that are computed if others change."""

    step: Step
    compute: int
    follows: int
    seconds: float
    peak_gb: float


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a job would do to a home."""

    tables: list[TablePlan]
    steps: list[StepPlan]
    seconds: float
    peak_gb: float
    rests_on: str

    @property
    def has_work(self) -> bool:
        """Whether anything would be computed."""
        return any(plan.state != "up to date" for plan in self.tables)


def print_dry_run(
    console: Console,
    home: Path,
    config: PipelineConfig,
    job: str,
    json_path: Path | None,
    *,
    is_forced: bool = False,
) -> RunPlan:
    """Print what a job would do, and write it as JSON where asked; the home stays as it is."""
    found = estimate(home, config, job)
    plan = run_plan(home, config, job, found, is_forced=is_forced)
    _print_facts(console, home, config, job, found, plan)
    to_fetch = print_fetch_estimate(console, home, config)
    if plan.has_work:
        _print_tables(console, plan)
    else:
        console.print("Nothing to do: every table is up to date.")
    if json_path:
        write_json({"to_fetch": to_fetch, **_record(job, found, plan)}, json_path)
    return plan


def run_plan(
    home: Path, config: PipelineConfig, job: str, found: Estimate, *, is_forced: bool = False
) -> RunPlan:
    """Return the plan of a job; for a home without tables, everything is computed."""
    definitions = build_definitions(home)
    names = [".".join(key.path) for key in assets_of(definitions, job)]
    if not (home / "warehouse.duckdb").exists():
        tables = [TablePlan(name, "compute", "never computed", None, None) for name in names]
        return _timed(tables, found, {}, OVERHEAD_SECONDS * len(names), 1.0)
    warehouse = open_warehouse(home, config)
    ledger = warehouse.materializations()
    configs = {}
    for version in {known.config_version for known in ledger.values()}:
        try:
            configs[version] = ConfigStore(home).load(version).config
        except InputError:
            # Stored by another version of the program: then its code differs as well.
            continue
    run = watched_run(warehouse, config, ReportRenderer(), VendorAccess(vendor_keys))
    rules = staleness_rules()
    tables = plan_tables(names, rules, run, ledger, configs, is_forced=is_forced)
    bars = ledger.get("bars.daily")
    growth = found.daily_rows / bars.n_rows if bars and bars.n_rows else 1.0
    return _timed(tables, found, ledger, _overhead(warehouse, job, len(names)), growth)


def _overhead(warehouse: Warehouse, job: str, n_tables: int) -> float:
    """Return the seconds of a job's last run that no computation took."""
    with warehouse.catalog() as connection:
        known = connection.execute(
            "select 1 from duckdb_tables() where schema_name = 'reports'"
            " and table_name = 'training_log'"
        ).fetchall()
    if not known:
        # A home of an older version: a run brings it forward first.
        return OVERHEAD_SECONDS * n_tables
    last = warehouse.read(
        "select seconds - (select coalesce(sum(made.seconds), 0)"
        " from provenance.materializations as made where made.run_id = log.run_id) as overhead"
        " from reports.training_log as log where job = $job and state = 'succeeded'"
        " order by started_at desc limit 1",
        {"job": job},
    )["overhead"]
    return float(last.iloc[0]) if len(last) else OVERHEAD_SECONDS * n_tables


def _timed(
    tables: list[TablePlan],
    found: Estimate,
    ledger: dict[str, Materialization],
    overhead: float,
    growth: float,
) -> RunPlan:
    steps = []
    for step in STEPS:
        own = [plan for plan in tables if plan.step == step]
        if own:
            steps.append(_step_plan(step, own, found, growth))
    busy = [step.peak_gb for step in steps if step.compute or step.follows]
    is_measured = any(plan.seconds is not None for plan in tables)
    return RunPlan(
        tables,
        steps,
        overhead + sum(step.seconds for step in steps),
        max(busy, default=found.gigabytes if not ledger else 0.0),
        "earlier runs of this home" if is_measured else "rows and settings, on two cores",
    )


def _step_plan(step: Step, own: Sequence[TablePlan], found: Estimate, growth: float) -> StepPlan:
    todo = [plan for plan in own if plan.state != "up to date"]
    unknown = [plan for plan in todo if plan.seconds is None]
    known = sum(plan.seconds or 0.0 for plan in todo) * growth
    shipped = found.step_seconds[step.name] * len(unknown) / len(own)
    peaks = [plan.peak_gb for plan in todo if plan.peak_gb is not None]
    peak = max(peaks) * max(growth, 1.0) if peaks else found.step_gigabytes[step.name]
    return StepPlan(
        step,
        sum(plan.state == "compute" for plan in todo),
        sum(plan.state == "follows" for plan in todo),
        known + shipped,
        peak if todo else 0.0,
    )


def _print_facts(
    console: Console,
    home: Path,
    config: PipelineConfig,
    job: str,
    found: Estimate,
    plan: RunPlan,
) -> None:
    source = " ".join(part for part in (config.source.kind, config.source.data) if part)
    table = Table(box=None, show_header=False, title="Dry run: nothing was done")
    table.title_justify = "left"
    table.add_row("job", f"{job}, profile {config.profile}")
    table.add_row("home", str(home))
    table.add_row("source", source)
    table.add_row("daily rows", f"about {found.daily_rows:,}")
    table.add_row("features", str(found.n_features))
    table.add_row("time", f"about {plan.seconds:.0f} s, checks and writing included")
    if plan.has_work:
        table.add_row("memory", f"about {plan.peak_gb:.1f} GB at the peak")
    table.add_row("rests on", plan.rests_on)
    console.print(table)


def _print_tables(console: Console, plan: RunPlan) -> None:
    steps = Table(
        "step", "", "computed", "following", "seconds", "peak GB", box=None, title_justify="left"
    )
    for row in plan.steps:
        counts = (str(row.compute), str(row.follows))
        took = ("–", "–")
        if row.compute or row.follows:
            took = (f"{row.seconds:.1f}", f"{row.peak_gb:.1f}")
        steps.add_row(str(row.step.number), row.step.name, *counts, *took)
    console.print(steps)
    for one in plan.tables:
        if one.state != "up to date":
            verb = "computed" if one.state == "compute" else "follows"
            console.print(f"{verb:<9} {one.table:<26} {escape(one.why)}", highlight=False)
    n_kept = sum(one.state == "up to date" for one in plan.tables)
    console.print(f"{n_kept} tables are up to date", highlight=False)


def _record(job: str, found: Estimate, plan: RunPlan) -> dict[str, Any]:
    return {
        "job": job,
        "daily_rows": found.daily_rows,
        "features": found.n_features,
        "seconds": round(plan.seconds, 1),
        "memory_gb": round(plan.peak_gb, 2),
        "rests_on": plan.rests_on,
        "nothing_to_do": not plan.has_work,
        "steps": [
            {
                "step": row.step.number,
                "name": row.step.name,
                "compute": row.compute,
                "follows": row.follows,
                "seconds": round(row.seconds, 2),
                "memory_gb": round(row.peak_gb, 2),
            }
            for row in plan.steps
        ],
        "tables": [
            {"table": one.table, "step": one.step.number, "state": one.state, "why": one.why}
            for one in plan.tables
        ],
    }
