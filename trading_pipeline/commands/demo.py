"""Turn the whole loop once, on a market whose signal and shift are planted.

Retrain, promote, daily update, shift, episode, the sensor's own retrain, decide, roll back. The
sensor runs in a real Dagster beside this process; what its pages show is asked of it and printed.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.automation.server import (
    START_SECONDS,
    DagsterServer,
    dagster_server,
    is_loaded,
)
from trading_pipeline.commands.run import Prepared, prepare, run_job
from trading_pipeline.commands.service import promote_challenger, roll_back
from trading_pipeline.commands.simulate import write_simulation
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import InputError, RunFailedError
from trading_pipeline.domain.gate.verdict import PROMOTED
from trading_pipeline.settings import default_home, load_settings

SETTINGS_FILE = "demo.toml"
SENSOR = "drift_retrain"
PERSON = "demo"
ORDINARY_SESSIONS = 5
SHIFTED_SESSIONS = 25
SHIFT_VOLATILITY_FACTOR = 9.0
TICK_SECONDS = 150.0
RETRAIN_SECONDS = 600.0

# A market this short holds two crashes in two years, so windows inside it already lie far apart:
# drift is judged at lower quantiles. Its hold-out is short, so calibration is measured roughly.
SETTINGS = """\
[source]
kind = "files"
data = "{market}"

[source.simulation]
n_symbols = 16
n_sessions = 560
first_session = 2015-01-02
seed = {seed}
signal = "linear"
oracle_auc = 0.75
minute_sessions = 0

[labels]
horizon_sessions = 5
min_symbols = 5

[splits]
n_folds = 2
embargo_sessions = 5
holdout_sessions = 120
renew_after_sessions = 20

[sweeps]
learners = ["lightgbm", "xgboost"]
n_trials = 2
inner_folds = 2
max_rounds = 40

[ensemble]
meta_learner = "logistic"
max_rounds = 40

[backtest]
hold_sessions = 5

[gate]
bootstrap_samples = 200
max_ece = 0.10
slope_low = 0.5
slope_high = 1.5

[drift]
window_sessions = 10
bootstrap_samples = 100
feature_quantile = 0.90
share_quantile = 0.90
max_age_sessions = 60
"""


@dataclass(frozen=True, slots=True)
class Turned:
    """What one turn of the loop left behind."""

    home: Path
    first_champion: str
    second_champion: str
    episode_id: str
    run_id: str
    protocols: tuple[str, str]
    shown: dict[str, dict[str, Any]]


def turn_the_loop(console: Console, home: Path | None, seed: int) -> None:
    """Turn the loop on a fresh home, by default `demo/` in the usual one. Raises InputError."""
    home = home or default_home() / "demo"
    config = demo_settings(home, SETTINGS, seed)
    turned = turn(console, home, config)
    console.print(
        f"\nThe loop has turned. See it all with\n\n  trading-pipeline ui --home {turned.home}\n",
        highlight=False,
    )


def demo_settings(home: Path, text: str, seed: int) -> PipelineConfig:
    """Empty the home of an earlier demo, write the settings into it, and return them.

    Raises InputError where the home holds anything else.
    """
    if home.exists() and any(home.iterdir()):
        if not (home / SETTINGS_FILE).exists():
            raise InputError(f"{home} holds other work; give the demo a folder of its own")
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    path = home / SETTINGS_FILE
    path.write_text(text.format(market=home / "market", seed=seed), encoding="utf-8")
    return load_settings(config_file=path)


def turn(console: Console, home: Path, config: PipelineConfig) -> Turned:
    """Turn the loop once. Raises RunFailedError where a state does not come in its time."""
    loop = Loop(console, home, config)
    loop.plant_market()
    prepare(home, config)
    with dagster_server(home) as server:
        first = loop.first_retrain(server)
        loop.ordinary_week(server)
        episode = loop.shift(server)
        run_id = loop.sensor_retrains(server, episode)
        before, after = loop.paired_verdict(server)
        second = loop.promote_again(server, episode)
        loop.return_to(server, first)
    return Turned(home, first, second, episode, run_id, (before, after), loop.shown)


@dataclass
class Loop:
    """The steps, in order; each prints what happened and where the UI shows it."""

    console: Console
    home: Path
    config: PipelineConfig
    n_steps: int = 0
    protocol_id: str = ""
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def warehouse(self) -> Warehouse:
        """The home's warehouse, as a reader."""
        return Warehouse(self.home, lock_wait_seconds=self.config.runtime.lock_wait_seconds)

    def plant_market(self) -> None:
        """Write the base market and say how the settings differ from the defaults."""
        self._step("A market with a planted signal")
        table = Table("setting", "default", "here", box=None, title_justify="left")
        for name, usual, here in differing(load_settings(), self.config):
            table.add_row(name, usual, here)
        self.console.print(table)
        self._market(0, 0)

    def first_retrain(self, server: DagsterServer) -> str:
        """Retrain for the first time, and put the challenger in service."""
        self._step("The first retrain")
        run_job(self.console, self._prepared())
        server.wait("Dagster's start", lambda: is_loaded(server), START_SECONDS)
        self.protocol_id = self._protocol()
        self._look(server, "first retrain", "gate.verdicts", "verdict", "why")
        self._step("A human promotes the challenger")
        self._promote("the first model in service")
        self._look(server, "first decision", "gate.decisions", "action", "model_version")
        return self._champion()

    def ordinary_week(self, server: DagsterServer) -> None:
        """Bring sessions like the others: nothing may fire."""
        self._step(f"{ORDINARY_SESSIONS} ordinary sessions come in")
        self._market(ORDINARY_SESSIONS, 0)
        run_job(Console(quiet=True), self._prepared(), "daily_update")
        self._look(server, "ordinary week", "drift.episodes", "model in service", "open")
        if len(self._episodes()):
            raise RunFailedError("an ordinary week opened a drift episode; see drift.sessions")

    def shift(self, server: DagsterServer) -> str:
        """Bring sessions of another market: one episode must open."""
        self._step(
            f"{SHIFTED_SESSIONS} sessions come in {SHIFT_VOLATILITY_FACTOR:g} times as volatile"
        )
        self._market(ORDINARY_SESSIONS + SHIFTED_SESSIONS, SHIFTED_SESSIONS)
        run_job(Console(quiet=True), self._prepared(), "daily_update")
        self._look(server, "shift", "drift.sessions", "share drifted", "live sessions")
        self._look(server, "episode", "drift.episodes", "open", "reasons")
        episodes = self._episodes()
        if len(episodes) != 1 or episodes["reason"].iloc[0] != "features":
            raise RunFailedError(f"one episode by features was due, found: {episodes.to_dict()}")
        return str(episodes["episode_id"].iloc[0])

    def sensor_retrains(self, server: DagsterServer, episode: str) -> str:
        """Wait for the sensor's one request, its run, and a tick that asks for nothing."""
        self._step("The drift sensor asks for one retrain of the episode")
        self.console.print(f"episode {episode}", highlight=False)
        tags = {"trading_pipeline/episode": episode}
        with self.console.status("waiting for the sensor's tick ..."):
            run = server.wait(
                "the sensor's request", lambda: next(iter(server.runs(tags)), None), TICK_SECONDS
            )
        run_id = run["runId"]
        self.console.print(f"run {run_id}; UI: {server.address}/runs/{run_id}", highlight=False)
        with self.console.status("retraining in Dagster's own process ..."):
            status = server.wait("the retrain", lambda: ended(server, run_id), RETRAIN_SECONDS)
        if status != "SUCCESS":
            raise RunFailedError(f"the sensor's run {run_id} ended as {status}; see {server.log}")
        with self.console.status("waiting for a tick that asks for nothing ..."):
            quiet = server.wait("a quiet tick", lambda: quiet_tick(server, run_id), TICK_SECONDS)
        requested = [tick for tick in server.ticks(SENSOR) if tick["runIds"]]
        if len(requested) != 1 or len(server.runs(tags)) != 1:
            raise RunFailedError(f"one request was due, the sensor made {len(requested)}")
        self.console.print(
            f"{status}; a later tick asked for nothing: {quiet['skipReason']}\n"
            f"UI: {server.address}/locations/trading_pipeline/sensors/{SENSOR}",
            highlight=False,
        )
        self.shown["sensor"] = {"run": run_id, "skipped": quiet["skipReason"]}
        return run_id

    def paired_verdict(self, server: DagsterServer) -> tuple[str, str]:
        """Show that the retrain used the new data and was judged beside the champion."""
        self._step("The verdict compares challenger and champion, row by row")
        before, after = self.protocol_id, self._protocol()
        self._look(server, "new hold-out", "splits.holdout", "hold-out", "protocol")
        if before == after:
            raise RunFailedError("the retrain kept the old hold-out: it has not used the new data")
        line = self.warehouse.read("select * from gate.verdicts where criterion = 'champion'")
        row = line.iloc[0]
        self.console.print(
            f"champion: {row['value']:.4f} (required {row['threshold']}): {row['detail']}",
            highlight=False,
        )
        self._look(server, "paired verdict", "gate.verdicts", "verdict", "why")
        return before, after

    def promote_again(self, server: DagsterServer, episode: str) -> str:
        """Put the new challenger in service; the next daily update closes the episode."""
        self._step("A human promotes the new challenger")
        self._promote(f"retrained after episode {episode}")
        self._look(server, "second decision", "gate.decisions", "action", "model_version")
        run_job(Console(quiet=True), self._prepared(), "daily_update")
        self._look(server, "closed episode", "drift.episodes", "model in service", "open", "closed")
        state = self._episodes().set_index("episode_id").loc[episode, "state"]
        if state != "promoted":
            raise RunFailedError(f"episode {episode} is {state}; a promotion should close it")
        return self._champion()

    def return_to(self, server: DagsterServer, first: str) -> None:
        """Roll back, and show the ledger of decisions."""
        self._step("A human rolls back")
        self.console.print(roll_back(self.home, PERSON, "shows the way back"), highlight=False)
        self._look(server, "roll-back", "gate.decisions", "action", "model_version")
        table = Table("#", "action", "model", "before", "by", "reason", box=None)
        for row in self.warehouse.read("select * from gate.decisions order by 1").itertuples():
            before = "none" if pd.isna(row.previous_version) else str(row.previous_version)
            cells = (row.decision_id, row.action, row.model_version, before)
            table.add_row(*map(str, (*cells, row.decided_by, row.reason)))
        self.console.print(table)
        if self._champion() != first:
            raise RunFailedError(f"the roll-back left {self._champion()} in service, not {first}")

    def _step(self, title: str) -> None:
        self.n_steps += 1
        self.console.rule(f"[bold]{self.n_steps}. {title}", align="left")

    def _market(self, extra: int, shifted: int) -> None:
        write_simulation(
            self.console,
            self.home / "market",
            self.config.source.simulation,
            extra,
            shifted,
            volatility_factor=SHIFT_VOLATILITY_FACTOR,
            replace_existing=True,
        )

    def _prepared(self) -> Prepared:
        return prepare(self.home, self.config)

    def _promote(self, reason: str) -> None:
        verdict = str(self.warehouse.read("select verdict from gate.verdicts")["verdict"].iloc[0])
        is_override = verdict != PROMOTED
        if is_override:
            self.console.print(f"The gate says {verdict}: it is overridden, for the demo's sake.")
            reason = f"{reason}; the demo goes on whatever the gate says"
        told = promote_challenger(self.home, PERSON, reason, anyway=is_override)
        self.console.print(told, highlight=False)

    def _champion(self) -> str:
        rows = self.warehouse.read(
            "select model_version from gate.decisions where role = 'champion'"
            " order by decision_id desc limit 1"
        )
        return str(rows["model_version"].iloc[0])

    def _protocol(self) -> str:
        return str(self.warehouse.read("select protocol_id from splits.holdout").iloc[0, 0])

    def _episodes(self) -> pd.DataFrame:
        return self.warehouse.read("select * from drift.episodes order by opened_date")

    def _look(self, server: DagsterServer, state: str, table: str, *labels: str) -> None:
        """Print what the asset's page shows, and keep it under the state's name."""
        values = server.newest(table)
        if not values:
            raise RunFailedError(f"the UI shows no materialization of {table}")
        self.shown[state] = values
        told = ", ".join(f"{label}: {values.get(label, 'missing')}" for label in labels)
        where = f"{server.address}/assets/{table.replace('.', '/')}"
        self.console.print(f"{table}: {told}\nUI: {where}", highlight=False)


def ended(server: DagsterServer, run_id: str) -> str | None:
    """Return how a run ended; None while it goes on."""
    status = server.run_status(run_id)
    return status if status in ("SUCCESS", "FAILURE", "CANCELED") else None


def quiet_tick(server: DagsterServer, run_id: str) -> dict[str, Any] | None:
    """Return the newest tick if it came after the one that asked for the run, and asked nothing."""
    newest, *_ = server.ticks(SENSOR)
    asked = max(t["timestamp"] for t in server.ticks(SENSOR) if run_id in t["runIds"])
    is_quiet = newest["timestamp"] > asked and newest["status"] == "SKIPPED"
    # A busy warehouse is no answer.
    return newest if is_quiet and "busy" not in str(newest["skipReason"]) else None


def differing(usual: PipelineConfig, here: PipelineConfig) -> Iterator[tuple[str, str, str]]:
    """Yield (name, default, here) of every setting that differs."""
    before, after = _leaves(usual.model_dump()), _leaves(here.model_dump())
    for name in sorted(before):
        if before[name] != after.get(name):
            yield name, str(before[name]), str(after.get(name))


def _leaves(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        leaves |= _leaves(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return leaves
