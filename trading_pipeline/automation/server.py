"""A Dagster of a home in processes of its own: webserver and daemon, and how to ask them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from trading_pipeline.automation.launch import dagster_folder, open_instance
from trading_pipeline.contracts.errors import RunFailedError
from trading_pipeline.settings import HOME_VARIABLE, top_level_file

LOOPBACK = "127.0.0.1"
LOCATION = "trading_pipeline"
START_SECONDS = 120.0
STOP_SECONDS = 20.0
POLL_SECONDS = 1.0
LOG_LINES = 8
Found = TypeVar("Found")

TICKS = """
query Ticks($sensor: SensorSelector!) {
  sensorOrError(sensorSelector: $sensor) {
    ... on Sensor {
      sensorState { ticks(limit: 50) { tickId status timestamp runIds skipReason } }
    }
  }
}
"""
NEWEST = """
query Newest($key: AssetKeyInput!) {
  assetOrError(assetKey: $key) {
    ... on Asset {
      assetMaterializations(limit: 1) {
        runId
        metadataEntries {
          label
          ... on TextMetadataEntry { text }
          ... on IntMetadataEntry { intRepr }
          ... on FloatMetadataEntry { floatValue }
          ... on BoolMetadataEntry { boolValue }
        }
      }
    }
  }
}
"""
RUNS = """
query Runs($filter: RunsFilter) {
  runsOrError(filter: $filter) { ... on Runs { results { runId status jobName } } }
}
"""
LOADED = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"
LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""


@dataclass(frozen=True, slots=True)
class DagsterServer:
    """A running Dagster, asked as its UI asks it."""

    address: str
    log: Path
    process: "subprocess.Popen[bytes]"

    def ask(self, text: str, **variables: Any) -> dict[str, Any]:
        """Return the data of a GraphQL query. Raises OSError while nobody answers."""
        body = json.dumps({"query": text, "variables": variables}).encode()
        request = urllib.request.Request(
            f"{self.address}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            said = json.loads(answer.read())
        if said.get("errors"):
            raise RunFailedError(f"Dagster refused a query: {said['errors'][0]['message']}")
        data: dict[str, Any] = said["data"]
        return data

    def ticks(self, sensor: str) -> list[dict[str, Any]]:
        """Return a sensor's last ticks, newest first."""
        names = {"repositoryName": "__repository__", "repositoryLocationName": LOCATION}
        found = self.ask(TICKS, sensor={**names, "sensorName": sensor})["sensorOrError"]
        return list(found["sensorState"]["ticks"])

    def runs(self, tags: Mapping[str, str]) -> list[dict[str, str]]:
        """Return the runs that carry the tags, newest first: runId, status, jobName."""
        wanted = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        return list(self.ask(RUNS, filter=wanted)["runsOrError"]["results"])

    def run_status(self, run_id: str) -> str:
        """Return a run's status, such as SUCCESS."""
        found = self.ask(RUNS, filter={"runIds": [run_id]})["runsOrError"]["results"]
        return str(found[0]["status"]) if found else "UNKNOWN"

    def newest(self, table: str) -> dict[str, Any]:
        """Return what an asset's page shows of its newest materialization, plain values only."""
        asset = self.ask(NEWEST, key={"path": table.split(".")})["assetOrError"]
        shown = asset.get("assetMaterializations") or []
        if not shown:
            return {}
        values: dict[str, Any] = {"run": shown[0]["runId"]}
        for entry in shown[0]["metadataEntries"]:
            for kind in ("text", "intRepr", "floatValue", "boolValue"):
                if entry.get(kind) is not None:
                    values[entry["label"]] = entry[kind]
        return values

    def materialize(self, table: str) -> str:
        """Launch one asset as the UI's button does, without run config; return the run's id."""
        selector = {
            "repositoryName": "__repository__",
            "repositoryLocationName": LOCATION,
            "jobName": "__ASSET_JOB",
            "assetSelection": [{"path": table.split(".")}],
            "assetCheckSelection": [],
        }
        params = {"selector": selector, "mode": "default", "runConfigData": {}}
        launched = self.ask(LAUNCH, params=params)["launchRun"]
        if launched["__typename"] != "LaunchRunSuccess":
            raise RunFailedError(f"Dagster did not launch {table}: {json.dumps(launched)}")
        return str(launched["run"]["runId"])

    def wait(self, what: str, probe: Callable[[], Found | None], seconds: float) -> Found:
        """Return what the probe finds; raise RunFailedError after so many seconds of nothing."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                found = probe()
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                found = None
            if found is not None:
                return found
            if self.process.poll() is not None:
                raise RunFailedError(
                    f"Dagster ended while waiting for {what}: {self._last_words()}"
                )
            if time.monotonic() > deadline:
                raise RunFailedError(
                    f"{what} did not come within {seconds:.0f} s; Dagster's log: {self.log}\n"
                    f"{self._last_words()}"
                )
            time.sleep(POLL_SECONDS)

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-LOG_LINES:]) or "its log is empty"


@contextmanager
def dagster_server(home: Path, port: int = 0) -> Iterator[DagsterServer]:
    """Run webserver and daemon on a home, and stop both at the end.

    The home needs settings before. Port 0 takes a free one.
    """
    folder = dagster_folder(home, top_level_file("dagster.yaml"))
    make_storage(home)
    port = port or free_port()
    log = folder / "server.log"
    obey_interrupts()
    with log.open("wb") as sink:
        process = subprocess.Popen(
            dagster_command(port),
            env=dagster_environment(home, folder),
            cwd=folder,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield DagsterServer(f"http://{LOOPBACK}:{port}", log, process)
    finally:
        stop(process)


def make_storage(home: Path) -> None:
    """Make the instance's databases: processes that start together would make them at once."""
    instance = open_instance(home, top_level_file("dagster.yaml"))
    try:
        instance.get_runs(limit=1)
        instance.get_asset_keys(limit=1)
        instance.all_instigator_state()
    finally:
        instance.dispose()


def is_loaded(server: DagsterServer) -> bool | None:
    """Tell that the code location stands; None while it does not."""
    nodes = server.ask(LOADED)["repositoriesOrError"].get("nodes", [])
    return True if nodes else None


def dagster_command(port: int) -> list[str]:
    """Return the command that serves webserver and daemon on loopback."""
    dagster = str(Path(sys.executable).parent / "dagster")
    workspace = str(top_level_file("workspace.yaml").resolve())
    return [dagster, "dev", "--host", LOOPBACK, "--port", str(port), "--workspace", workspace]


def dagster_environment(home: Path, folder: Path) -> dict[str, str]:
    """Return the environment of Dagster's processes."""
    return {**os.environ, HOME_VARIABLE: str(home), "DAGSTER_HOME": str(folder)}


def obey_interrupts() -> None:
    """Let children be stopped by SIGINT even where a shell started us deaf to it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Interrupt a process and its group, and kill what does not go."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
