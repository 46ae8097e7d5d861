"""What a home has to say before and after its first model."""

from types import SimpleNamespace

import pytest

from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.assets import predictions


@pytest.fixture
def fresh(tmp_path):
    """Return a run on a home whose tables are made and empty."""
    warehouse = Warehouse(tmp_path, threads=1, memory_gb=1.0, lock_wait_seconds=10)
    warehouse.migrate()
    return SimpleNamespace(
        read=lambda sql, **params: warehouse.read(sql, params or None),
        table_whole=lambda name: warehouse.read(f"select * from {name}"),
    )


def test_a_home_without_a_model_says_nothing_and_says_so(fresh):
    assert predictions.unsaid(fresh) == ()
    assert predictions.why_silent(fresh) == "no model yet"


def test_a_home_with_a_judged_model_that_said_all_says_that(fresh, monkeypatch):
    monkeypatch.setattr(predictions, "judged_model", lambda _run: object())

    assert predictions.why_silent(fresh) == "nothing was unsaid"
