"""Which trials a sweep makes: a cold search tries widely, a warm one what is in service first."""

from dataclasses import dataclass

from trading_pipeline.contracts.config import SweepsConfig
from trading_pipeline.domain.sweeps.spaces import (
    Candidate,
    Windows,
    candidate_point,
    default_candidate,
    space_of,
    window_rotation,
)

DEFAULT, INCUMBENT, ROTATION, SAMPLER = "default", "incumbent", "rotation", "sampler"


@dataclass(frozen=True, slots=True)
class Planned:
    """One trial: where it comes from, and what of it is fixed beforehand."""

    origin: str
    point: dict[str, float | int | str] | None = None


def planned_trials(
    learner: str,
    windows: Windows,
    config: SweepsConfig,
    incumbent: Candidate | None,
    *,
    has_skill: bool,
) -> list[Planned]:
    """Return the trials of a sweep, in order.

    Trial 0 is the fixed default. A cold search makes ``n_trials`` of them: the next ones try
    every window once, the rest is left to the sampler. With an ``incumbent``, the parameters in
    service, trial 1 is these and ``n_new_trials`` of the sampler follow; where they are the
    default, trial 0 is both. A learner of fixed settings makes one trial, with the middle
    windows, and so does a search without hope.
    """
    default = default_candidate(learner, windows)
    fixed = Planned(DEFAULT, candidate_point(default))
    if not space_of(learner) or not has_skill:
        return [fixed]
    if incumbent is None:
        turns = [Planned(ROTATION, dict(point)) for point in window_rotation(windows)]
        n_left = config.n_trials - 1 - len(turns)
        return [fixed, *turns, *[Planned(SAMPLER)] * n_left][: config.n_trials]
    held = fitted_to_space(incumbent, learner, windows)
    known = [fixed, Planned(INCUMBENT, candidate_point(held))]
    if held == default:
        known = known[1:]
    return [*known, *[Planned(SAMPLER)] * config.n_new_trials]


def fitted_to_space(candidate: Candidate, learner: str, windows: Windows) -> Candidate:
    """Return the candidate inside today's space.

    Values are moved to the nearest bound; what it lacks, or chose of windows that are no longer
    offered, is the default's.
    """
    default = default_candidate(learner, windows)
    params = {
        name: type(default.params[name])(
            min(max(candidate.params.get(name, default.params[name]), r.low), r.high)
        )
        for name, r in space_of(learner).items()
    }
    chosen = {
        family: candidate.windows[family] if candidate.windows.get(family) in offered else middle
        for family, middle in default.windows.items()
        for offered in [tuple(windows[family])]
    }
    return Candidate(params, chosen)
