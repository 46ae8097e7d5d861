"""The training set's mix of regimes: which rows are drawn how often, and what each one weighs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trading_pipeline.contracts.config import SamplingConfig
from trading_pipeline.contracts.vocabulary import REGIMES

Rows = NDArray[np.intp]
Names = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class BalancedSample:
    """Rows to train on, ascending, with repeats; what each regime got, and what it lacked."""

    rows: Rows
    counts: dict[str, int]
    shortfall: dict[str, int]
    notes: tuple[str, ...]


def balanced_sample(
    regime: Names,
    config: SamplingConfig,
    n_target: int,
    seed: int,
    archive_event: Names | None = None,
    event_weights: Mapping[str, float] | None = None,
    is_first: NDArray[np.bool_] | None = None,
) -> BalancedSample:
    """Draw `n_target` rows so that the regimes stand in the target mix, to the row.

    Shares become rows by largest remainder. A regime without a row gives its share to the others
    in proportion. A regime with too many rows is drawn without replacement; one with too few
    repeats its rows evenly, each at most `max_repeats` times, and what is then missing is its
    shortfall. Rows of a regime outside the mix (`unknown`) are left out. No row is synthetic.

    Args:
        regime: Regime of each row, shape (n_rows,); the event's own for an archive row. Rows are
            in a fixed order of the caller, by symbol and session.
        config: Mix and `max_repeats`.
        n_target: Rows wanted in all.
        seed: Seed of the draws.
        archive_event: Rare event of each archive row, None for a row of the rolling window.
        event_weights: Share of archive draws per event, renormalised over the events present in
            the regime. A regime's draws split between archive and window as its rows do.
        is_first: Rows drawn before others where not all are drawn, shape (n_rows,).

    Returns:
        Positions into `regime`, the counts drawn, the shortfall and notes in words.

    Raises:
        ValueError: If no row belongs to a regime of the mix, or an archive row's event has no
            weight.
    """
    regimes = np.asarray(regime, dtype=object)
    events = np.full(len(regimes), None) if archive_event is None else np.asarray(archive_event)
    shares = {name: config.mix.get(name, 0.0) for name in REGIMES}
    present = {name: np.flatnonzero(regimes == name) for name in REGIMES if shares[name] > 0}
    absent = [name for name, rows in present.items() if not len(rows)]
    present = {name: rows for name, rows in present.items() if len(rows)}
    if not present or n_target < 1:
        raise ValueError(
            f"cannot draw {n_target} rows of the regimes {sorted(set(regimes.tolist()))}; "
            f"give rows of {', '.join(name for name in REGIMES if shares[name] > 0)}"
        )
    notes = [f"{name} has no row; its share went to the others" for name in absent]
    n_outside = len(regimes) - sum(int((regimes == name).sum()) for name in present)
    if n_outside:
        notes.append(f"{n_outside} rows of no regime of the mix were left out")
    wanted = largest_remainder([shares[name] for name in present], n_target)
    random = np.random.default_rng(seed)
    drawn, counts, shortfall = [], {}, {}
    for name, n_wanted in zip(present, wanted, strict=True):
        groups, group_shares = archive_groups(present[name], events, event_weights or {})
        caps = [len(group) * config.max_repeats for group in groups]
        n_of_group = capped_shares(group_shares, int(n_wanted), caps)
        for group, n_rows in zip(groups, n_of_group, strict=True):
            first = group[:0] if is_first is None else group[is_first[group]]
            drawn.append(repeated_draw(group, n_rows, random, first))
        counts[name] = sum(n_of_group)
        if counts[name] < n_wanted:
            shortfall[name] = int(n_wanted) - counts[name]
            notes.append(
                f"{name} is {shortfall[name]} rows short of {n_wanted}: "
                f"{len(present[name])} rows repeat at most {config.max_repeats} times"
            )
    return BalancedSample(np.sort(np.concatenate(drawn)), counts, shortfall, tuple(notes))


def regime_weights(
    regime: Names, uniqueness: NDArray[np.float64] | None, config: SamplingConfig
) -> NDArray[np.float64]:
    """Return each row's sample weight: its regime's weight times its label's uniqueness.

    A regime without a weight (`unknown`) weighs 1, as every one does without `use_weights`.
    `uniqueness` acts where `use_uniqueness` is set. Raises ValueError where a uniqueness that
    acts is missing.
    """
    regimes = np.asarray(regime, dtype=object)
    weights = np.ones(len(regimes))
    if config.use_weights:
        for name, weight in config.weights.items():
            weights[regimes == name] = weight
    if not config.use_uniqueness or uniqueness is None:
        return weights
    if np.isnan(uniqueness).any():
        raise ValueError("a row without uniqueness cannot be weighed; train on closed labels only")
    return weights * uniqueness


def effective_size(weights: NDArray[np.float64]) -> float:
    """Return how many equal rows carry the same information: (sum w)^2 / sum w^2.

    At most the number of rows. Source: Kish, *Survey Sampling* (1965).
    """
    return float(weights.sum() ** 2 / np.square(weights).sum())


def largest_remainder(shares: list[float], total: int) -> NDArray[np.int64]:
    """Return whole numbers in proportion to the shares that sum to `total` (Hamilton's rule).

    Equal remainders go to the earlier share.
    """
    exact = np.asarray(shares, dtype="float64") / np.sum(shares) * total
    # 0.2 x 1000 must not become 199.99…: a hair below a whole number is that number.
    whole: NDArray[np.int64] = np.floor(exact + 1e-9).astype("int64")
    by_remainder = np.argsort(-np.round(exact - whole, 9), kind="stable")
    whole[by_remainder[: total - whole.sum()]] += 1
    return whole


def archive_groups(
    rows: Rows, events: Names, event_weights: Mapping[str, float]
) -> tuple[list[Rows], list[float]]:
    """Return one regime's rows by event, window rows last, and the share of draws of each."""
    names = sorted({str(event) for event in events[rows] if event is not None})
    unweighted = [name for name in names if name not in event_weights]
    if unweighted:
        raise ValueError(f"rare events without a weight: {', '.join(unweighted)}; add them")
    groups = [rows[events[rows] == name] for name in names]
    window = rows[[event is None for event in events[rows]]]
    n_archive = len(rows) - len(window)
    total = sum(event_weights[name] for name in names)
    if total > 0:
        shares = [n_archive * event_weights[name] / total for name in names]
    else:
        shares = [0.0 for _ in names]
    if len(window) or not names:
        groups, shares = [*groups, window], [*shares, float(len(window))]
    return groups, shares


def capped_shares(shares: list[float], total: int, caps: list[int]) -> list[int]:
    """Return whole numbers near the shares, none above its cap, summing to `total` if they can.

    What a cap cuts off is shared out again among those below theirs.
    """
    given = [0] * len(shares)
    while (left := min(total, sum(caps)) - sum(given)) > 0:
        open_ = [i for i, cap in enumerate(caps) if given[i] < cap]
        weights = [shares[i] for i in open_]
        # Groups of weight zero are drawn only once nothing else is left.
        if not any(weights):
            weights = [float(caps[i]) for i in open_]
        for i, more in zip(open_, largest_remainder(weights, left), strict=True):
            given[i] = min(given[i] + int(more), caps[i])
    return given


def repeated_draw(rows: Rows, n_rows: int, random: np.random.Generator, first: Rows) -> Rows:
    """Return `n_rows` of the rows, each as often as any other, give or take one.

    Rows in `first` are not left out while another one is drawn.
    """
    if not n_rows:
        return rows[:0]
    n_full, n_rest = divmod(n_rows, len(rows))
    if n_full or not len(first):
        rest = random.choice(rows, size=n_rest, replace=False)
        return np.concatenate([np.repeat(rows, n_full), rest])
    others = np.setdiff1d(rows, first)
    ahead = random.choice(first, size=min(n_rest, len(first)), replace=False)
    behind = random.choice(others, size=n_rest - len(ahead), replace=False)
    return np.concatenate([ahead, behind])
