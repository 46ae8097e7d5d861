"""Blocking asset checks, one per file of `sql/checks/`: rows that come back are offenders."""

import re

import dagster as dg

from trading_pipeline.resources import PREVIEW_ROWS, PipelineResource, check_queries

GUARDED = re.compile(r"^--\s+asset\s+(\S+)\s*$", re.MULTILINE)
PARAMETER = re.compile(r"\$([a-z_]+)")


def sql_checks() -> list[dg.AssetChecksDefinition]:
    """Return one check per file; its header names the asset it guards."""
    return [_check(name, sql) for name, sql in check_queries().items()]


def _check(name: str, sql: str) -> dg.AssetChecksDefinition:
    guarded = GUARDED.search(sql)
    if guarded is None:
        raise ValueError(f"sql/checks/{name}.sql names no asset; add a line `-- asset stage.table`")
    statement = "\n".join(line for line in sql.splitlines() if not line.startswith("--"))
    parameters = sorted(set(PARAMETER.findall(statement)))
    title = sql.splitlines()[0].removeprefix("--").strip()

    @dg.asset_check(
        asset=dg.AssetKey(guarded.group(1).split(".")),
        name=name,
        blocking=True,
        description=title,
    )
    def check(pipeline: PipelineResource) -> dg.AssetCheckResult:
        values = {parameter: _value(pipeline, parameter) for parameter in parameters}
        offenders = pipeline.warehouse.read(statement, values)
        return dg.AssetCheckResult(
            passed=offenders.empty,
            metadata={
                "offending rows": len(offenders),
                "examples": dg.MetadataValue.md(
                    offenders.head(PREVIEW_ROWS).to_markdown(index=False) or "none"
                ),
            },
        )

    return check


def _value(pipeline: PipelineResource, parameter: str) -> object:
    """Return a setting that a check names, by its last part."""
    config = pipeline.stored_config.config
    for _, section in config:
        if hasattr(section, parameter):
            return getattr(section, parameter)
    raise ValueError(f"a check asks for ${parameter}, which is no setting")
