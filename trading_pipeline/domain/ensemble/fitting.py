"""Where the learners of a recipe are fitted, and how the failure of one is told."""

from collections.abc import Mapping, Sequence

from trading_pipeline.contracts.config import Device, RuntimeConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.sweeps.boosters import visible_gpus
from trading_pipeline.domain.sweeps.deep import EXTRA, GRU, has_torch


def fitting_device(runtime: RuntimeConfig) -> Device:
    """Return where the boosters are fitted. Raises InputError where that GPU is not there."""
    if runtime.device == "gpu" and visible_gpus() == 0:
        raise InputError('runtime.device is "gpu" but no GPU is visible; set it to "cpu"')
    return runtime.device


def check_learners(learners: Sequence[str]) -> None:
    """Raise InputError where the settings name a learner that needs what is not installed."""
    if GRU in learners and not has_torch():
        raise InputError(
            f"sweeps.learners names {GRU}, which needs PyTorch; install it with "
            f"`pip install '{EXTRA}'`, or leave {GRU} out"
        )


def failures_of(errors: Mapping[str, Exception]) -> dict[str, str]:
    """Return why each learner failed, in one line."""
    return {name: f"{type(error).__name__}: {error}" for name, error in errors.items()}


def left_out_words(failed: Mapping[str, str]) -> str:
    """Return which learners the run goes on without, and why; `none` where all are there."""
    return "; ".join(f"{name}: {why}" for name, why in sorted(failed.items())) or "none"
