"""The figures of falls in `run --json`: told where they can be told, else null with a note."""

import json
from functools import lru_cache

import duckdb
import pandas as pd
import pytest

from trading_pipeline.commands.selloff_summary import (
    MODEL_FIGURES,
    selloff_figures,
    selloff_line,
)
from trading_pipeline.contracts.selloffs_config import SelloffsConfig
from trading_pipeline.domain.selloffs.backtest import (
    compare_scanners,
    equity_by_session,
    offered_falls,
)
from trading_pipeline_tests.domain.selloffs_made import made_falls
from trading_pipeline_tests.domain.selloffs_scored import scored_falls
from trading_pipeline_tests.domain.settings_of import shipped

CONFIG = shipped(SelloffsConfig, "selloffs")


class Tables:
    """A warehouse of given frames."""

    def __init__(self, frames):
        self.connection = duckdb.connect(config={"threads": 1})
        for name, frame in frames.items():
            schema, table = name.split(".")
            self.connection.execute(f"create schema if not exists {schema}")
            self.connection.register("given", frame)
            self.connection.execute(f"create table {schema}.{table} as select * from given")

    def read(self, sql, params=None):
        return self.connection.execute(sql, params or {}).df()


@lru_cache(maxsize=1)
def frames():
    made = made_falls(120, 14, skill=1.0)
    offered = offered_falls(scored_falls(made, skill=1.0), made.events)
    sectors = pd.DataFrame({"symbol": ["S00"], "gics_sector": ["Energy"]})
    dates = made.events["session_date"]
    metrics = pd.DataFrame(
        {
            "learner": ["model", "majority", "model"],
            "span": ["holdout", "holdout", "oof"],
            "regime": "all",
            "n_events": 1200,
            "n_study": 900,
            "is_assessable": True,
            "base_rate": 0.3,
            "accuracy": [0.75, 0.7, 0.9],
            "auc": [0.62, 0.5, 0.9],
        }
    )
    return {
        "bars.minute": pd.DataFrame({"symbol": ["S00"]}),
        "selloffs.events": made.events,
        "selloffs.metrics": metrics,
        "selloffs.backtest": compare_scanners(offered, made.outcomes, sectors, dates, CONFIG),
        "selloffs.equity": equity_by_session(offered, made.outcomes, CONFIG),
    }


def figures_of(changes):
    notes: list[str] = []
    found = selloff_figures(Tables({**frames(), **changes}), CONFIG, notes)
    json.dumps(found, allow_nan=False)
    return found, notes


def test_figures_are_those_of_the_hold_out_and_the_verdict_is_a_note():
    found, notes = figures_of({})
    whole = frames()["selloffs.backtest"].query("slice_kind == 'all' and span == 'holdout'")
    worth = whole.set_index("scanner")["expectancy_r"]
    assert found == {
        "events": len(frames()["selloffs.events"]),
        "base_rate": 0.3,
        "accuracy": 0.75,
        "majority_accuracy": 0.7,
        "auc": 0.62,
        "baseline_r": pytest.approx(worth["take_all"]),
        "model_r": pytest.approx(worth["model"]),
    }
    assert len(notes) == 1
    assert notes[0].startswith("selloffs: Not assessable: ")
    assert "900 of 1,000 falls" in notes[0]
    assert selloff_line(found).endswith(f"model {found['model_r']:+.3f} R")


@pytest.mark.parametrize("name", ["selloffs.metrics", "selloffs.backtest"])
def test_a_figure_that_cannot_be_told_is_null(name):
    found, notes = figures_of({name: frames()[name].assign(is_assessable=False)})
    absent = {figure for figure in MODEL_FIGURES if found[figure] is None}
    expected = {"baseline_r", "model_r"}
    assert absent == (expected if name.endswith("backtest") else set(MODEL_FIGURES) - expected)
    assert notes[0].startswith("selloffs: ")


def test_without_a_model_there_are_events_only_and_the_note_says_so():
    empty = {name: frame.iloc[:0] for name, frame in frames().items()}
    kept = {name: frames()[name] for name in ("bars.minute", "selloffs.events")}
    found, notes = figures_of({**empty, **kept})
    assert found["events"] > 0
    assert all(found[name] is None for name in MODEL_FIGURES)
    assert notes == ["selloffs: Not assessable: no fall of a hold-out was scored by a model."]
    assert selloff_line(found) == f"{found['events']:,} events"


def test_without_minute_bars_there_is_nothing_and_the_note_says_so():
    found, notes = figures_of({"bars.minute": frames()["bars.minute"].iloc[:0]})
    assert found is None
    assert notes == ["selloffs: no minute bars in the source's span"]
