"""Fitting the base learners of a recipe: where it is done, and what a learner's failure means."""

from collections.abc import Mapping

from trading_pipeline.contracts.config import Device
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.ensemble.members import Member, fit_those_that_can
from trading_pipeline.domain.ensemble.recipe import Recipe
from trading_pipeline.domain.ensemble.training import Panel, TrainingSet
from trading_pipeline.domain.sweeps.boosters import visible_gpus
from trading_pipeline.resources import StageRun


def fitting_device(run: StageRun) -> Device:
    """Return where the boosters are fitted. Raises InputError where that GPU is not there."""
    device = run.config.runtime.device
    if device == "gpu" and visible_gpus() == 0:
        raise InputError('runtime.device is "gpu" but no GPU is visible; set it to "cpu"')
    return device


def left_out_words(failed: Mapping[str, str]) -> str:
    """Return which learners the run goes on without, and why; `none` where all are there."""
    return "; ".join(f"{name}: {why}" for name, why in sorted(failed.items())) or "none"


def fit_without_the_failed(
    run: StageRun, panel: Panel, chosen: TrainingSet, recipe: Recipe, failed: dict[str, str]
) -> tuple[Member, ...]:
    """Fit like ``fit_on``, but a learner that fails is left out; ``failed`` is told its reason.

    Raises InputError where none is left.
    """
    members, errors = fit_those_that_can(
        recipe,
        panel.X.iloc[chosen.rows],
        panel.label[chosen.rows],
        chosen.weights,
        threads=run.config.runtime.threads,
        device=fitting_device(run),
    )
    failed |= {name: f"{type(error).__name__}: {error}" for name, error in errors.items()}
    if not members:
        raise InputError(f"no learner could be fitted: {left_out_words(failed)}")
    return members
