"""Blocking asset checks, one per file of `sql/checks/`: rows that come back are offenders."""

import re
from collections.abc import Iterator

import dagster as dg

from trading_pipeline.assets.table_asset import PRIORITY_TAG, priority_of
from trading_pipeline.resources import PREVIEW_ROWS, PipelineResource, check_queries

GUARDED = re.compile(r"^--\s+asset\s+(\S+)\s*$", re.MULTILINE)
PARAMETER = re.compile(r"\$([a-z_]+)")


def sql_checks() -> list[dg.AssetChecksDefinition]:
    """Return the checks, one step per guarded asset; a file's header names the asset it guards."""
    by_asset: dict[str, dict[str, str]] = {}
    for name, sql in check_queries().items():
        guarded = GUARDED.search(sql)
        if guarded is None:
            raise ValueError(
                f"sql/checks/{name}.sql names no asset; add a line `-- asset stage.table`"
            )
        by_asset.setdefault(guarded.group(1), {})[name] = sql
    return [_checks_of(table, queries) for table, queries in by_asset.items()]


def _checks_of(table: str, queries: dict[str, str]) -> dg.AssetChecksDefinition:
    asset = dg.AssetKey(table.split("."))

    @dg.multi_asset_check(
        name=f"{table.replace('.', '_')}_checks",
        specs=[
            dg.AssetCheckSpec(name, asset=asset, blocking=True, description=_title(sql))
            for name, sql in queries.items()
        ],
        op_tags={PRIORITY_TAG: str(priority_of(table) + 1)},
    )
    def checks(pipeline: PipelineResource) -> Iterator[dg.AssetCheckResult]:
        # One opening of the file for all checks of a table.
        with pipeline.warehouse.reader():
            results = [_judged(pipeline, asset, name, sql) for name, sql in queries.items()]
        yield from results

    return checks


def _judged(
    pipeline: PipelineResource, asset: dg.AssetKey, name: str, sql: str
) -> dg.AssetCheckResult:
    statement = "\n".join(line for line in sql.splitlines() if not line.startswith("--"))
    values = {
        parameter: _value(pipeline, parameter)
        for parameter in sorted(set(PARAMETER.findall(statement)))
    }
    offenders = pipeline.warehouse.read(statement, values)
    examples = offenders.head(PREVIEW_ROWS).to_markdown(index=False) or "none"
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=offenders.empty,
        metadata={"offending rows": len(offenders), "examples": dg.MetadataValue.md(examples)},
    )


def _title(sql: str) -> str:
    return sql.splitlines()[0].removeprefix("--").strip()


def _value(pipeline: PipelineResource, parameter: str) -> object:
    """Return a setting that a check names, by its last part."""
    for _, section in pipeline.stored_config.config:
        if hasattr(section, parameter):
            return getattr(section, parameter)
    raise ValueError(f"a check asks for ${parameter}, which is no setting")
