"""The GRU, a learner that needs PyTorch to be fitted, and nothing but numpy to be asked.

A row has no sequence of its own, yet most of its columns are one measure over several lookbacks:
``return_60``, ``return_20``, ``return_5``. Read from the longest lookback to the shortest they tell
how the row's present came about, known at its close like every feature. That is the sequence here:
a step is a lookback, a channel is a measure; other columns join the last state as they are. So the
learner needs no rows but its own, and folds, purge and thinning hold for it as for any other.
Source: Cho et al. (2014).
"""

import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trading_pipeline.contracts.config import Device
from trading_pipeline.domain.ensemble.metrics import auc, sigmoid
from trading_pipeline.domain.sweeps.estimators import (
    BATCH_ROWS,
    MAX_EPOCHS,
    ONE_FIT,
    FitTask,
    Standardised,
    product,
)
from trading_pipeline.domain.sweeps.learner import Floats, Matrix, Params

GRU = "gru"
EXTRA = "trading-pipeline[deep]"
Layout: TypeAlias = NDArray[np.int64]
Network: TypeAlias = Mapping[str, Floats]

# A measure and its one lookback: `return_20`, `ROC20`; two lookbacks, as in `momentum_12_1`, are a
# measure of their own.
_LOOKBACK = re.compile(r"(?P<measure>.*?[^\d_])_?(?P<sessions>\d+)(?P<rest>_to_sector)?")
_NOWHERE = -1


def has_torch() -> bool:
    """Tell whether PyTorch is installed, without importing it."""
    return find_spec("torch") is not None


def layout_of(columns: Sequence[str]) -> Layout:
    """Step and channel of each column, shape (p, 2); -1 where a column is in no sequence.

    A measure with at least two lookbacks is a channel; steps are all lookbacks of such measures,
    the longest first. Without any, every column is a channel of one step.
    """
    found = [_LOOKBACK.fullmatch(name) for name in columns]
    measures = [f"{match['measure']}{match['rest'] or ''}" if match else None for match in found]
    lookbacks = [int(match["sessions"]) if match else _NOWHERE for match in found]
    pairs = set(zip(measures, lookbacks, strict=True))
    several = sorted({m for m, _ in pairs if m and sum(own == m for own, _ in pairs) > 1})
    if not several:
        return np.column_stack([np.zeros(len(columns)), np.arange(len(columns))]).astype(np.int64)
    steps = sorted({days for m, days in pairs if m in several}, reverse=True)
    places = [
        (steps.index(days), several.index(m)) if m in several else (_NOWHERE, _NOWHERE)
        for m, days in zip(measures, lookbacks, strict=True)
    ]
    return np.array(places, dtype=np.int64)


class Gru(Standardised):
    """A gated recurrent network of one layer; a round is an epoch, ``MAX_EPOCHS`` at most.

    ``columns`` names the columns of the matrices; without names there is one step. A channel that
    has nothing to say at a step stands at its training mean. Fitted on the processor.
    """

    name: ClassVar[str] = GRU

    def __init__(
        self,
        params: Params,
        *,
        seed: int,
        threads: int,
        device: Device = "cpu",
        columns: Sequence[str] = (),
    ) -> None:
        super().__init__(params, seed=seed, threads=threads, device=device)
        self.columns = tuple(columns)

    def _fit(self, task: FitTask) -> None:
        if not has_torch():
            raise ModuleNotFoundError(f"{GRU} needs PyTorch; pip install '{EXTRA}'")
        import torch

        inputs = self._prepare(task.X)
        self.state["layout"] = layout_of(self.columns or [""] * inputs.shape[1])
        sequence, steady = (part.astype(np.float32) for part in self._parts(inputs))
        rng = np.random.default_rng(self.seed)
        start = _untrained(
            rng, sequence.shape[2], steady.shape[1], int(self.params["hidden_units"])
        )
        label, weight = (np.asarray(v, dtype=np.float32) for v in (task.y, task.weight))
        curve = []
        self._epochs: list[Network] = []
        with ONE_FIT, _OneExactThread():
            gru, head = _modules(start)
            adam = _Adam(
                [*gru.parameters(), *head.parameters()],
                float(self.params["learning_rate"]),
                float(self.params["l2_frac"]),
            )
            data = [torch.from_numpy(v) for v in (sequence, steady, label, weight)]
            for _ in range(min(task.rounds, MAX_EPOCHS)):
                order = torch.from_numpy(rng.permutation(len(label)))
                for batch in order.split(BATCH_ROWS):
                    seen, still, truth, heavy = (part[batch] for part in data)
                    _, last = gru(seen)
                    logit = head(torch.cat([last[0], still], dim=1))[:, 0]
                    loss = torch.nn.functional.binary_cross_entropy_with_logits(
                        logit, truth, weight=heavy
                    )
                    adam.step(torch.autograd.grad(loss, adam.parameters))
                self.state["network"] = _weights(gru, head)
                if task.eval_set is not None:
                    curve.append(auc(self.predict(task.eval_set[0]), task.eval_set[1]))
                    self._epochs.append(self.state["network"])
        self.eval_auc = np.array(curve)

    def _predict(self, X: Matrix) -> Floats:
        return self._through(X, self.state["network"])

    def _predict_after(self, X: Matrix, rounds: int) -> Floats:
        return self._through(X, self._epochs[rounds - 1])

    def _parts(self, inputs: Floats) -> tuple[Floats, Floats]:
        """Return sequences (n, steps, channels) and the other columns (n, q)."""
        step, channel = self.state["layout"].T
        placed = step != _NOWHERE
        sequence = np.zeros((len(inputs), step.max() + 1, channel.max() + 1))
        sequence[:, step[placed], channel[placed]] = inputs[:, placed]
        return sequence, inputs[:, ~placed]

    def _through(self, X: Matrix, network: Network) -> Floats:
        """Send rows through a network; each row's bits are its own."""
        inputs = self._standard(X)
        step, channel = self.state["layout"].T
        n_hidden = network["hidden"].shape[1]
        state = np.zeros((len(inputs), n_hidden))
        for now in range(step.max() + 1):
            # Only what has something to say at this step: the others are zero.
            told = step == now
            given = product(inputs[:, told], network["input"].T[channel[told]])
            given += network["input_bias"]
            kept = product(state, network["hidden"].T) + network["hidden_bias"]
            gates = sigmoid(given[:, : 2 * n_hidden] + kept[:, : 2 * n_hidden])
            reset, update = gates[:, :n_hidden], gates[:, n_hidden:]
            fresh = np.tanh(given[:, 2 * n_hidden :] + reset * kept[:, 2 * n_hidden :])
            state = (1.0 - update) * fresh + update * state
        seen = np.hstack([state, inputs[:, step == _NOWHERE]])
        return sigmoid(product(seen, network["head"]) + network["head_bias"][0])


class _OneExactThread:
    """One thread and exact algorithms while a network is fitted; the process's own after it."""

    def __enter__(self) -> None:
        import torch

        self.threads = torch.get_num_threads()
        self.is_exact = torch.are_deterministic_algorithms_enabled()
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)

    def __exit__(self, *_: object) -> None:
        import torch

        torch.set_num_threads(self.threads)
        torch.use_deterministic_algorithms(self.is_exact)


class _Adam:
    """Adam with an L2 penalty; the library's own brings a compiler along, ten seconds a process.

    Source: Kingma and Ba (2015), with the paper's constants.
    """

    FIRST, SECOND, FLOOR = 0.9, 0.999, 1e-8

    def __init__(self, parameters: list[Any], rate: float, decay: float) -> None:
        import torch

        self.parameters, self.rate, self.decay = parameters, rate, decay
        self.means = [torch.zeros_like(p) for p in parameters]
        self.squares = [torch.zeros_like(p) for p in parameters]
        self.n_steps = 0

    def step(self, gradients: Sequence[Any]) -> None:
        """Move every parameter against its gradient."""
        import torch

        self.n_steps += 1
        rate = self.rate / (1.0 - self.FIRST**self.n_steps)
        spread = (1.0 - self.SECOND**self.n_steps) ** 0.5
        with torch.no_grad():
            for parameter, gradient, mean, square in zip(
                self.parameters, gradients, self.means, self.squares, strict=True
            ):
                slope = gradient + self.decay * parameter
                mean.mul_(self.FIRST).add_(slope, alpha=1.0 - self.FIRST)
                square.mul_(self.SECOND).addcmul_(slope, slope, value=1.0 - self.SECOND)
                parameter.addcdiv_(mean, square.sqrt().div_(spread).add_(self.FLOOR), value=-rate)


def _untrained(rng: np.random.Generator, n_in: int, n_steady: int, n_hidden: int) -> Network:
    """Return small weights to begin with; gates stand in the order reset, update, new."""

    def drawn(*shape: int, fan: int) -> Floats:
        return np.asarray(rng.uniform(-1.0, 1.0, shape) / np.sqrt(fan), dtype=np.float64)

    return {
        "input": drawn(3 * n_hidden, n_in, fan=n_in + n_hidden),
        "hidden": drawn(3 * n_hidden, n_hidden, fan=n_in + n_hidden),
        "input_bias": np.zeros(3 * n_hidden),
        "hidden_bias": np.zeros(3 * n_hidden),
        "head": drawn(n_hidden + n_steady, fan=n_hidden + n_steady),
        "head_bias": np.zeros(1),
    }


def _modules(network: Network) -> tuple[Any, Any]:
    """Return the layer and its head with the weights given; the library draws none itself."""
    import torch

    n_hidden, n_in = network["hidden"].shape[1], network["input"].shape[1]
    # Made without memory, the library draws no weights and its generator stays where it was.
    gru = torch.nn.GRU(n_in, n_hidden, batch_first=True, device="meta").to_empty(device="cpu")
    head = torch.nn.Linear(len(network["head"]), 1, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        for parameter, values in zip(
            (*gru.parameters(), *head.parameters()), network.values(), strict=True
        ):
            parameter.copy_(torch.from_numpy(values).reshape(parameter.shape))
    return gru, head


def _weights(gru: Any, head: Any) -> Network:
    """Return the weights of both as numbers of their own."""
    names = ("input", "hidden", "input_bias", "hidden_bias", "head", "head_bias")
    values = [
        p.detach().numpy().astype(np.float64) for p in (*gru.parameters(), *head.parameters())
    ]
    found = dict(zip(names, values, strict=True))
    return {**found, "head": found["head"][0]}
