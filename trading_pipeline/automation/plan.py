"""What a run would compute and why, decided by the rules of the run itself; nothing is written.

A table is computed when its code, its settings or the contents it reads have changed. Whether a
table that is computed comes out changed is known only afterwards: those that rest on it `follow`
if it does.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trading_pipeline.assets.table_asset import Staleness
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.provenance import Materialization
from trading_pipeline.contracts.steps import Step, step_of
from trading_pipeline.resources import PEAK_MEMORY, WatchedRun, WouldWriteError

State = Literal["compute", "follows", "up to date"]
# Ledgers that have no rule of their own, and the table whose computation writes them.
WRITTEN_BY: Mapping[str, str] = {
    "gate.decisions": "ensemble.deployed",
    "splits.protocols": "splits.holdout",
    "splits.holdout_reads": "ensemble.holdout",
}
MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class TablePlan:
    """What becomes of one table, why, and what its last computation took."""

    table: str
    state: State
    why: str
    seconds: float | None
    peak_gb: float | None

    @property
    def step(self) -> Step:
        """The weekly step it belongs to."""
        return step_of(self.table)


def plan_tables(
    tables: Sequence[str],
    rules: Mapping[str, Staleness],
    run: WatchedRun,
    ledger: Mapping[str, Materialization],
    configs: Mapping[str, PipelineConfig],
    *,
    is_forced: bool = False,
) -> list[TablePlan]:
    """Return the plan of every table, in the order given.

    Args:
        tables: What the job computes, each after what it reads.
        rules: Staleness of each table.
        run: A run with the settings wanted, over the home as it is.
        ledger: The newest computation of each table.
        configs: Settings by version, as far as the home still has them.
        is_forced: Compute what is up to date too.
    """
    changing: dict[str, None] = {}
    plans = []
    for table in tables:
        state, why = _judged(table, rules[table], run, ledger, configs, changing, is_forced)
        if state != "up to date":
            changing[table] = None
            for name, writer in WRITTEN_BY.items():
                if writer == table:
                    changing[name] = None
        known = ledger.get(table)
        peak = json.loads(known.metadata_json).get(PEAK_MEMORY) if known else None
        plans.append(TablePlan(table, state, why, known.seconds if known else None, peak))
    return plans


def _judged(
    table: str,
    rule: Staleness,
    run: WatchedRun,
    ledger: Mapping[str, Materialization],
    configs: Mapping[str, PipelineConfig],
    changing: Mapping[str, None],
    is_forced: bool,
) -> tuple[State, str]:
    known = ledger.get(table)
    if known is None:
        return "compute", "never computed"
    if is_forced:
        return "compute", "forced"
    if known.code_version != run.code_version:
        return "compute", "code changed"
    before = configs.get(known.config_version)
    if before is not None:
        changed = list(changed_settings(before, run.config, rule.settings))
        if changed:
            return "compute", f"settings: {_few(changed)}"
    run.asset, run.asked = table, set()
    try:
        version = rule.versions(run)[1]
    except WouldWriteError as error:
        return "compute", str(error)
    except (InputError, IndexError, KeyError):
        # What it rests on is not there, such as a hold-out that was renewed.
        above = [name for name in rule.reads if name in changing]
        return "compute", f"reads {_few(above)}, made before it" if above else "inputs changed"
    if version != known.inputs_version:
        return "compute", "data changed" if rule.fingerprint else f"reads {_few(rule.reads)}"
    above = [name for name in changing if name in run.asked]
    if above:
        return "follows", f"if {_few(above)} changes"
    return "up to date", ""


def changed_settings(
    before: PipelineConfig, now: PipelineConfig, names: Sequence[str]
) -> Iterator[str]:
    """Give `name old -> new` for every setting below the dotted names that differs."""
    for name in names:
        old, new = _flat(name, _at(before, name)), _flat(name, _at(now, name))
        for key in [*old, *(key for key in new if key not in old)]:
            if old.get(key) != new.get(key):
                yield f"{key} {_short(old.get(key))} -> {_short(new.get(key))}"


def _at(config: PipelineConfig, dotted: str) -> Any:
    value: Any = config.model_dump(mode="json")
    for part in dotted.split("."):
        value = value[part]
    return value


def _flat(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {name: value}
    return {k: v for key, sub in value.items() for k, v in _flat(f"{name}.{key}", sub).items()}


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 24 else f"{text[:21]}..."


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES} more"
