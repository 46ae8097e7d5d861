"""Which markets a suite holds, and the settings under which each is trained."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.data_config import SimulationConfig

Kind = Literal["null", "small", "planted", "control", "given"]
Signal = Literal["none", "linear", "interaction", "regime"]
SuiteName = Literal["quick", "full", "micro"]

SMALL, LARGE = (30, 750), (50, 2500)
SIGNALS: tuple[Signal, ...] = ("linear", "interaction", "regime")
LEVELS = (0.60, 0.65)
FIRST_SEED = 1000


@dataclass(frozen=True, slots=True)
class MarketTask:
    """One market to run: what it is for, what is planted in it, and how large it is."""

    name: str
    kind: Kind
    signal: Signal
    oracle_auc: float
    n_symbols: int
    n_sessions: int
    seed: int

    def record(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


def suite_tasks(suite: SuiteName) -> tuple[MarketTask, ...]:
    """Return the markets of a suite, the short ones first.

    quick: 20 null, one planted, one control, 30 symbols by 750 sessions. full: 124 small null
    markets for the gate, 40 null and five planted seeds per signal and oracle level of 50 by
    2,500, one control. micro: two null, one planted, one control of 10 by 450, for tests.
    """
    if suite == "micro":
        size = (10, 450)
        return (*_nulls("null", 2, size), _planted("linear", 0.8, 0, size), _control(size))
    if suite == "quick":
        return (
            _control(SMALL),
            _planted("linear", 0.65, 0, SMALL),
            *_nulls("null", 20, SMALL),
        )
    planted = (
        _planted(signal, level, number, LARGE)
        for signal in SIGNALS
        for level in LEVELS
        for number in range(5)
    )
    return (_control(SMALL), *_nulls("small", 124, SMALL), *_nulls("null", 40, LARGE), *planted)


def simulation_of(task: MarketTask, base: SimulationConfig) -> SimulationConfig:
    """Return the settings that make a task's market; it needs no minutes."""
    return base.model_copy(
        update={
            "n_symbols": task.n_symbols,
            "n_sessions": task.n_sessions,
            "seed": task.seed,
            "signal": task.signal,
            "oracle_auc": task.oracle_auc if task.signal != "none" else base.oracle_auc,
            "minute_sessions": 0,
            "minute_symbols": 0,
        }
    )


def truth_config(base: PipelineConfig, suite: SuiteName, n_symbols: int) -> PipelineConfig:
    """Return the settings of a suite: one thread, and a search that pays for many markets.

    quick: two learners with fixed parameters. full: three learners, three trials each.
    """
    is_full = suite == "full"
    changes: dict[str, dict[str, Any]] = {
        "labels": {"min_symbols": min(base.labels.min_symbols, max(4, n_symbols // 2))},
        "splits": {"n_folds": {"micro": 2, "quick": 3, "full": 5}[suite]},
        "sweeps": {
            "learners": ("lightgbm", "xgboost", "catboost") if is_full else ("lightgbm", "xgboost"),
            "n_trials": 3 if is_full else 1,
            "inner_folds": 3 if is_full else 2,
            "max_rounds": 20 if suite == "micro" else min(base.sweeps.max_rounds, 100),
        },
        "gate": {"bootstrap_samples": min(base.gate.bootstrap_samples, 300)},
        "runtime": {"threads": 1},
    }
    sections = {
        name: getattr(base, name).model_copy(update=update) for name, update in changes.items()
    }
    return base.model_copy(update=sections)


def _nulls(kind: Literal["null", "small"], n: int, size: tuple[int, int]) -> list[MarketTask]:
    first = FIRST_SEED if kind == "null" else FIRST_SEED + 500
    return [
        MarketTask(f"{kind} {number + 1}", kind, "none", 0.5, *size, first + number)
        for number in range(n)
    ]


def _planted(signal: Signal, level: float, number: int, size: tuple[int, int]) -> MarketTask:
    name = f"{signal} {level:.2f}, seed {number + 1}"
    return MarketTask(name, "planted", signal, level, *size, FIRST_SEED + 1000 + number)


def _control(size: tuple[int, int]) -> MarketTask:
    return MarketTask("random folds over rows", "control", "none", 0.5, *size, FIRST_SEED)
