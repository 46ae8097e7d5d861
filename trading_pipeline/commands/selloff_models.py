"""The models of falls in service of a home, for a command that runs without Dagster."""

from pathlib import Path

from trading_pipeline.adapters.model_store import load_members
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.domain.selloffs.service import FallModels, models_in_service


def load_fall_models(home: Path, warehouse: Warehouse, threads: int) -> FallModels:
    """Return champion and shadow of falls; each None where nobody is in that role."""

    def files(version: str) -> dict[str, bytes]:
        members = load_members(home, version)
        return {stem + suffix: content for stem, (suffix, content) in members.items()}

    return models_in_service(warehouse.read("select * from gate.decisions"), files, threads)
