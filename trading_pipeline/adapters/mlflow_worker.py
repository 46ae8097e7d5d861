"""The child process that speaks to MLflow: one task on standard input, JSON lines on output."""

import json
import math
import os
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "GIT_PYTHON_REFRESH": "quiet",
}
_LONGEST_PARAM = 6000
_LONGEST_DETAIL = 240
_METRICS_PER_CALL = 1000
_MODEL_FOLDER = "model"

Task = Mapping[str, Any]


def main() -> None:
    """Do the task of standard input and say what came of it."""
    task = json.load(sys.stdin)
    # The parent may be killed: this process never outlives its time.
    watchdog = threading.Timer(task["exit_after_seconds"], os._exit, (1,))
    watchdog.daemon = True
    watchdog.start()
    os.environ.update(_ENVIRONMENT)
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(max(1, int(task["timeout_seconds"] / 2)))
    # Libraries print; the answer goes to the true output.
    answers, sys.stdout = sys.stdout, sys.stderr
    try:
        client = _client(task)
        _say(answers, {"state": "ready"})
        work = {"log_run": _log_run, "set_alias": _set_alias}[task["task"]]
        _say(answers, work(client, task))
    except Exception as error:
        lines = str(error).strip().splitlines()
        reason = f"{task['uri']}: {type(error).__name__}: {lines[0] if lines else ''}"
        _say(answers, {"state": "unavailable", "detail": reason[:_LONGEST_DETAIL]})
    # Threads of libraries must not keep the process.
    os._exit(0)


def _say(answers: Any, message: Task) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def _client(task: Task) -> Any:
    home, uri = Path(task["home"]), str(task["uri"])
    artifacts = home / "mlartifacts"
    artifacts.mkdir(parents=True, exist_ok=True)
    # A local store makes an empty `mlruns` where it stands.
    os.chdir(artifacts)
    import mlflow

    if uri.startswith("sqlite:///"):
        _create_database(Path(uri.removeprefix("sqlite:///")), artifacts)
    mlflow.set_tracking_uri(uri)
    return mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)


def _create_database(path: Path, artifacts: Path) -> None:
    """Make the database beside its place: one half-made by a killed process is never used."""
    if path.exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new-{os.getpid()}")
    draft.unlink(missing_ok=True)
    make_store: Any = SqlAlchemyStore
    store = make_store(f"sqlite:///{draft}", artifacts.as_uri())
    store.engine.dispose()
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _log_run(client: Any, task: Task) -> Task:
    experiment = _experiment(client, task)
    run_id = _start(client, experiment, task["run_name"], task["tags"])
    try:
        holdout = {
            f"holdout_{name}{suffix}": metric[key]
            for name, metric in task["holdout"].items()
            for key, suffix in (("value", ""), ("low", "_low"), ("high", "_high"))
        }
        _log_values(client, run_id, task["params"], dict(task["metrics"]) | holdout, {})
        for learner in task["learners"]:
            parent = {"mlflow.parentRunId": run_id, "learner": learner["name"]}
            child = _start(client, experiment, learner["name"], dict(task["tags"]) | parent)
            _log_values(
                client, child, learner["params"], learner["metrics"], learner["fold_scores"]
            )
            client.set_terminated(child)
        for name, svg in task["figures"].items():
            client.log_text(run_id, svg, f"figures/{name}.svg")
        if task["report"]:
            client.log_artifact(run_id, task["report"], "report")
        version = _register(client, run_id, task) if task["model_dir"] else None
        client.set_terminated(run_id)
    except Exception:
        with suppress(Exception):
            client.set_terminated(run_id, status="FAILED")
        raise
    return {
        "state": "logged",
        "detail": f"run {task['run_name']} in experiment {task['experiment']}",
        "mlflow_run_id": run_id,
        "mlflow_model_version": version,
    }


def _set_alias(client: Any, task: Task) -> Task:
    client.set_registered_model_alias(task["model"], task["alias"], task["version"])
    return {
        "state": "logged",
        "detail": f"{task['alias']} is version {task['version']} of {task['model']}",
        "mlflow_model_version": str(task["version"]),
    }


def _experiment(client: Any, task: Task) -> str:
    found = client.get_experiment_by_name(task["experiment"])
    if found is not None:
        return str(found.experiment_id)
    # A server keeps artifacts where it likes; the file in the home keeps them in the home.
    is_local = str(task["uri"]).startswith("sqlite:///")
    location = (Path.cwd() / task["experiment"]).as_uri() if is_local else None
    return str(client.create_experiment(task["experiment"], artifact_location=location))


def _start(client: Any, experiment: str, name: str, tags: Mapping[str, str]) -> str:
    run = client.create_run(experiment, run_name=name, tags=dict(tags))
    return str(run.info.run_id)


def _log_values(
    client: Any,
    run_id: str,
    params: Mapping[str, str],
    metrics: Mapping[str, float],
    series: Mapping[str, list[float]],
) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    points = [(name, value, 0) for name, value in metrics.items()]
    points += [
        (f"fold_{name}", value, fold)
        for name, row in series.items()
        for fold, value in enumerate(row)
    ]
    rows = [Metric(name, value, now, step) for name, value, step in points if math.isfinite(value)]
    named = [Param(name, str(value)[:_LONGEST_PARAM]) for name, value in params.items()]
    for start in range(0, len(named), 100):
        client.log_batch(run_id, params=named[start : start + 100])
    for start in range(0, len(rows), _METRICS_PER_CALL):
        client.log_batch(run_id, metrics=rows[start : start + _METRICS_PER_CALL])


def _register(client: Any, run_id: str, task: Task) -> str:
    """Register the model's files as they are: native formats and their manifest."""
    from mlflow.exceptions import MlflowException

    client.log_artifacts(run_id, task["model_dir"], _MODEL_FOLDER)
    name = task["registered_model"]
    try:
        client.get_registered_model(name)
    except MlflowException:
        client.create_registered_model(name)
    source = f"{client.get_run(run_id).info.artifact_uri}/{_MODEL_FOLDER}"
    made = client.create_model_version(
        name, source, run_id, tags=dict(task["tags"]), await_creation_for=0
    )
    client.set_registered_model_alias(name, task["alias"], made.version)
    return str(made.version)


if __name__ == "__main__":
    main()
