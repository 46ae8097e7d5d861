"""Some tables of a market folder, made in one process without the rest of a run."""

import dagster as dg

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.definitions import build_definitions
from trading_pipeline.settings import load_settings

FALLS = ("selloffs.events", "selloffs.features", "selloffs.outcomes")


def collected(market, home, tables, **flags):
    """Make `tables` and all they rest on in a new home; return its warehouse.

    `flags` are sections of the settings; the source is the folder `market`.
    """
    make(prepared(market, home, **flags), _named(tables).upstream())
    return Warehouse(home, threads=1)


def before_falls(market, home, **flags):
    """Make what falls are collected from, and not the falls."""
    make(prepared(market, home, **flags), _named(FALLS).upstream() - _named(FALLS))


def prepared(market, home, **flags):
    """Make a home that reads a market folder; return it."""
    home.mkdir()
    given = {**flags, "source": {"kind": "files", "data": str(market), **flags.get("source", {})}}
    ConfigStore(home).save(load_settings(flags=given, environment={}))
    return home


def collect_falls(home):
    """Make the tables of falls of a home that has what they rest on."""
    make(home, _named(FALLS))


def make(home, selection):
    """Make the selected tables; a table that a check refuses is an error."""
    selection -= dg.AssetSelection.assets(["bars", "raw_pages"])  # a vendor's, not a folder's
    job = dg.define_asset_job("made", selection=selection, executor_def=dg.in_process_executor)
    definitions = dg.Definitions.merge(build_definitions(home), dg.Definitions(jobs=[job]))
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def("made").execute_in_process(
            run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
            instance=instance,
        )
    assert all(check.passed for check in result.get_asset_check_evaluations())


def _named(tables):
    return dg.AssetSelection.assets(*(name.split(".") for name in tables))
