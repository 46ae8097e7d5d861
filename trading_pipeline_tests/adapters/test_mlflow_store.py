"""Tracking takes what it is given, or says why not, and never holds up a run."""

import dataclasses
import http.server
import sqlite3
import threading
import time
from contextlib import closing, contextmanager

import pytest

from trading_pipeline.adapters.mlflow_store import log_run, set_alias
from trading_pipeline.contracts.tracking import IntervalMetric, LearnerRecord, TrackingRecord


@pytest.fixture
def record(tmp_path):
    model = tmp_path / "models" / "v1"
    model.mkdir(parents=True)
    (model / "lightgbm.txt").write_text("tree")
    (model / "manifest.json").write_text("{}")
    (tmp_path / "report.html").write_text("<html></html>")
    return TrackingRecord(
        home=tmp_path,
        run_name="weekly",
        experiment="tests",
        registered_model="stack",
        tags={"config_version": "c1", "protocol_id": "p1"},
        params={"n_folds": "5"},
        metrics={"seconds": 1.0, "unknown": float("nan")},
        holdout={"auc": IntervalMetric(0.55, 0.51, 0.59)},
        learners=(LearnerRecord("lightgbm", {"eta": "0.1"}, {"auc": 0.5}, {"auc": (0.5, 0.6)}),),
        figures={"roc": "<svg/>"},
        report=tmp_path / "report.html",
        model_dir=model,
        timeout_seconds=60,
    )


def test_a_retrain_is_logged_whole_and_its_model_registered(record):
    result = log_run(record)
    assert (result.state, result.mlflow_model_version) == ("logged", "1"), result.detail
    moved = set_alias(record.home, "", "stack", "champion", "1", timeout_seconds=60)
    assert moved.state == "logged", moved.detail
    run_id = result.mlflow_run_id
    with closing(sqlite3.connect(record.home / "mlflow.db")) as database:

        def rows(sql, *values):
            return database.execute(sql, values).fetchall()

        assert rows("select distinct status from runs") == [("FINISHED",)]
        assert dict(rows("select key, value from metrics where run_uuid = ?", run_id)) == {
            "seconds": 1.0,
            "holdout_auc": 0.55,
            "holdout_auc_low": 0.51,
            "holdout_auc_high": 0.59,
        }
        assert rows("select key, value from params where run_uuid = ?", run_id) == [
            ("n_folds", "5")
        ]
        assert ("p1",) in rows("select value from tags where key = 'protocol_id'")
        [(child,)] = rows(
            "select run_uuid from tags where key = 'mlflow.parentRunId' and value = ?", run_id
        )
        folds = "select step, value from metrics where run_uuid = ? and key = 'fold_auc'"
        assert sorted(rows(folds, child)) == [(0, 0.5), (1, 0.6)]
        assert sorted(rows("select alias, version, name from registered_model_aliases")) == [
            ("challenger", 1, "stack"),
            ("champion", 1, "stack"),
        ]
        [(source, registered)] = rows("select source, run_id from model_versions")
        assert registered == run_id
        assert source.endswith(f"{run_id}/artifacts/model")
    names = {path.name for path in (record.home / "mlartifacts").rglob("*") if path.is_file()}
    assert names == {"lightgbm.txt", "manifest.json", "report.html", "roc.svg"}


def test_tracking_that_is_off_does_nothing(record):
    result = log_run(dataclasses.replace(record, is_enabled=False))
    assert result.state == "disabled"
    assert not (record.home / "mlflow.db").exists()


def test_a_server_that_is_absent_is_named(record):
    absent = dataclasses.replace(record, uri="http://127.0.0.1:9", timeout_seconds=4)
    result = log_run(absent)
    assert result.state == "unavailable"
    assert "http://127.0.0.1:9" in result.detail


class Slow(http.server.BaseHTTPRequestHandler):
    """Takes a request and never answers."""

    def do_GET(self):
        time.sleep(30)

    def log_message(self, *_):
        """Keep quiet."""


@contextmanager
def slow_server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_a_server_that_does_not_answer_is_given_up(record):
    with slow_server() as uri:
        result = log_run(dataclasses.replace(record, uri=uri, timeout_seconds=2))
    assert result.state == "unavailable"
    assert uri in result.detail
