"""Prove that nothing leaks: planted leaks first, then the program's own features and training."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from rich.table import Table

from trading_pipeline.adapters.feature_module import load_feature_module
from trading_pipeline.commands.summary import write_json
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.domain.features.registry import Feature, feature_registry
from trading_pipeline.domain.proof.clean import FeatureTrials, intraday_findings
from trading_pipeline.domain.proof.finding import Finding
from trading_pipeline.domain.proof.future import Frames, Progress
from trading_pipeline.domain.proof.market import ProofMarket, made_market
from trading_pipeline.domain.proof.planted import MISSED_ELSEWHERE, TWENTY, planted_leaks
from trading_pipeline.domain.proof.training_market import TrainingMarket, training_market
from trading_pipeline.domain.proof.training_trials import training_findings

# A user's own arithmetic may round otherwise when other rows change; the future moves it more.
OWN_TOLERANCE = 1e-7
PLANTED = "planted: "
PLANTED_SECONDS, PLANTED_STEPS = 1.5, 30
PATH_RUNS = 10
INTRADAY_EVERY, INTRADAY_STEPS = 3, 85


@dataclass(frozen=True)
class Part:
    """One part of the proof: its name, its usual seconds and steps, and its work."""

    name: str
    seconds: float
    steps: int
    work: Callable[[Progress], list[Finding]]


def prove(console: Console, config: PipelineConfig, json_path: Path | None) -> bool:
    """Print which planted leaks are caught and what is found; return whether all is well.

    The features of `features.module` take part like built-in ones. Raises InputError where the
    module breaks a rule.
    """
    console.print("making a small market ...", highlight=False)
    registry = feature_registry(config.features, load_feature_module(config.features.module))
    market = made_market(config)
    frames = market.cleaned()
    training = training_market(frames, registry, config)
    planted = planted_leaks(market, frames, training)
    parts = [
        Part(f"{PLANTED}{leak.name}", PLANTED_SECONDS, PLANTED_STEPS, leak.trial)
        for leak in planted
    ]
    sound = _sound_parts(config, registry, market, frames, training)
    found = _worked(console, [*parts, *sound])
    caught = {leak.name: found[f"{PLANTED}{leak.name}"] for leak in planted}
    findings = [finding for part in sound for finding in found[part.name]]
    is_well = all(caught.values()) and not findings
    unknown = FeatureTrials(market, frames, registry).not_assessable()
    _print(console, caught, findings, len(registry), unknown)
    if json_path:
        write_json(_record(caught, findings, len(registry), unknown, is_well), json_path)
    return is_well


def _sound_parts(
    config: PipelineConfig,
    registry: tuple[Feature, ...],
    market: ProofMarket,
    frames: Frames,
    training: TrainingMarket,
) -> list[Part]:
    """Return the trials in which nothing may be found; a user's features are judged apart."""
    n_own = len(registry) - len(feature_registry(config.features))
    built_in = FeatureTrials(market, frames, registry[: len(registry) - n_own])
    parts = [Part("daily features", 45.0, built_in.n_steps, built_in.findings)]
    if n_own:
        own = FeatureTrials(market, frames, registry[-n_own:], tolerance=OWN_TOLERANCE)
        parts.append(Part("your features", 8.0, own.n_steps, own.findings))

    def intraday(step: Progress) -> list[Finding]:
        return intraday_findings(market, config.features.intraday, INTRADAY_EVERY, step)

    def path(step: Progress) -> list[Finding]:
        return training_findings(training, training.procedure(), on_step=step)

    parts.append(Part("intraday features", 10.0, INTRADAY_STEPS, intraday))
    parts.append(Part("training path", 8.0, PATH_RUNS, path))
    return parts


def _worked(console: Console, parts: list[Part]) -> dict[str, list[Finding]]:
    """Do every part's work under a bar that knows what each usually takes."""
    bar = Bar(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    found = {}
    with bar:
        task = bar.add_task("", total=sum(part.seconds for part in parts))
        done = 0.0
        for part in parts:
            bar.update(task, description=part.name, completed=done)
            each, limit = part.seconds / part.steps, done + part.seconds

            def step(each: float = each, limit: float = limit) -> None:
                # Only a forecast: a part never fills more of the bar than its share.
                bar.update(task, completed=min(bar.tasks[task].completed + each, limit))

            found[part.name] = part.work(step)
            done = limit
            if not console.is_terminal and not part.name.startswith(PLANTED):
                console.print(f"      {part.name}: {len(found[part.name])} found", highlight=False)
        bar.update(task, completed=done)
    return found


def _print(
    console: Console,
    caught: dict[str, list[Finding]],
    findings: list[Finding],
    n_features: int,
    unknown: list[str],
) -> None:
    table = Table(box=None, title_justify="left", title="Planted leaks")
    for column in ("leak", "caught by", "how it showed"):
        table.add_column(column, overflow="fold")
    for name, shown in caught.items():
        first = next(iter(shown), None)
        table.add_row(
            name,
            first.test if first else "[red]not caught[/]",
            escape(first.how) if first else "the trial that should catch it is broken",
        )
    console.print(table)
    for said, names in (("of the standards", TWENTY), ("missed elsewhere", MISSED_ELSEWHERE)):
        n = sum(bool(caught[name]) for name in names)
        console.print(f"{n} of {len(names)} planted leaks {said} caught", highlight=False)
    if not findings:
        console.print(
            f"[green]ok[/]    {n_features - len(unknown)} daily features, intraday features and "
            "the training path: nothing found",
            highlight=False,
        )
    if unknown:
        console.print(
            f"not assessable, the market is too short for a value: {', '.join(unknown)}",
            highlight=False,
        )
    for finding in findings:
        console.print(f"[red]leak[/]  {escape(finding.how)}", highlight=False)


def _record(
    caught: dict[str, list[Finding]],
    findings: list[Finding],
    n_features: int,
    unknown: list[str],
    is_well: bool,
) -> dict[str, Any]:
    return {
        "is_well": is_well,
        "planted": [
            {"leak": name, "is_caught": bool(shown), "findings": [f.record() for f in shown]}
            for name, shown in caught.items()
        ],
        "features": n_features,
        "not_assessable": unknown,
        "findings": [finding.record() for finding in findings],
    }
