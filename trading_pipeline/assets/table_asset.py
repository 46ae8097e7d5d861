"""How every table becomes an asset: staleness decided first, then one computation, then one write.

An asset is up to date when the contents it reads, the code and the settings it reads are those of
its newest materialization. Then nothing is computed and the stored metadata are shown again.
"""

import hashlib
import inspect
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from trading_pipeline.contracts.steps import step_of
from trading_pipeline.contracts.tables import TableResult, TableWrite
from trading_pipeline.resources import POOL, StageRun, column_schema, frame_type, stage_run

Compute = Callable[[StageRun], TableResult]
Fingerprint = Callable[[StageRun], Mapping[str, str]]
STEP_TAG = "trading_pipeline/step"
PRIORITY_TAG = "dagster/priority"
# What `stage_run` takes from Dagster.
RESOURCES = {"pipeline", "progress", "renderer", "vendors", "studies"}


@dataclass(frozen=True, slots=True)
class Staleness:
    """What a table's content rests on; the run and its dry run both ask here."""

    table: str
    reads: tuple[str, ...]
    settings: tuple[str, ...]
    fingerprint: Fingerprint | None

    def versions(self, run: StageRun) -> tuple[str, str]:
        """Return the version of the data it reads, and that of data, code and settings."""
        parts = (
            self.fingerprint(run)
            if self.fingerprint
            else {name: run.hash(name) for name in self.reads}
        )
        data_version = digest(parts)
        inputs = {
            "data": data_version,
            "code": run.code_version,
            "settings": {name: run.setting(name) for name in self.settings},
        }
        return data_version, digest(inputs)


_RULES: dict[str, Staleness] = {}


def staleness_rules() -> Mapping[str, Staleness]:
    """Return the rule of every table that has become an asset, by name."""
    return _RULES


def priority_of(table: str) -> int:
    """Return a step's place in the queue: of what could run now, the earliest step does.

    Even numbers, so that a table's checks may come right after it.
    """
    return -2 * step_of(table).number + (1 if table == "gate.health" else 0)


def table_asset(
    key: str,
    *,
    reads: Sequence[str] = (),
    settings: Sequence[str] = (),
    kinds: Sequence[str] = ("pandas", "duckdb"),
    fingerprint: Fingerprint | None = None,
) -> Callable[[Compute], dg.AssetsDefinition]:
    """Make an asset of a function from a stage run to a table.

    Args:
        key: ``stage.table``, the asset key and the table it writes.
        reads: Tables it reads; they become the graph's edges and, without ``fingerprint``,
            their whole contents decide staleness.
        settings: Dotted names of the settings it reads.
        kinds: Labels shown in the UI.
        fingerprint: Narrower inputs than the whole of ``reads``, such as the training span only.
    """
    stage, table = key.split(".")
    rule = Staleness(key, tuple(reads), tuple(settings), fingerprint)
    _RULES[key] = rule

    def decorate(compute: Compute) -> dg.AssetsDefinition:
        @dg.asset(
            key=[stage, table],
            deps=[dg.AssetKey(name.split(".")) for name in reads],
            group_name=stage,
            kinds=set(kinds),
            description=inspect.getdoc(compute),
            dagster_type=frame_type(key),
            io_manager_key="tables",
            pool=POOL,
            tags={STEP_TAG: step_of(key).tag},
            op_tags={PRIORITY_TAG: str(priority_of(key))},
            required_resource_keys=RESOURCES,
            metadata={
                "dagster/column_schema": column_schema(key),
                "dagster/table_name": key,
                "settings": ", ".join(settings) or "none",
                "step": step_of(key).words,
            },
        )
        def asset_of_table(context: dg.AssetExecutionContext) -> dg.Output[TableWrite]:
            run = stage_run(context, key)
            run.progress.started(key)
            data_version, inputs_version = rule.versions(run)
            known = run.warehouse.latest_materialization(key)
            result, seconds = None, 0.0
            if known is None or known.inputs_version != inputs_version or run.is_forced:
                run.inputs_version = inputs_version
                began = time.perf_counter()
                result = compute(run)
                seconds = time.perf_counter() - began
            write = TableWrite(result, data_version, inputs_version, seconds)
            return dg.Output(write, metadata={"data version": data_version})

        return asset_of_table

    return decorate


def digest(parts: Mapping[str, Any]) -> str:
    """Return a short hash of named parts, whatever their order."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
