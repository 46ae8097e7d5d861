"""How a feature's ranks relate to the label: how strongly, and whether always in one direction."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Values = NDArray[np.float64]
Rows = NDArray[np.intp]

# Sub-periods of equally many sessions in which each regime is looked at on its own.
N_PERIODS = 3
# Fewer spells of sessions than this say nothing about a spread between them.
MIN_BLOCKS = 5


@dataclass(frozen=True, slots=True)
class Relation:
    """How a feature relates to the label.

    `score` is |mean over regimes of AUC - 0.5|, `regime_score` the mean of |AUC - 0.5|;
    `contradiction` is in standard errors, NaN where it was not judged.
    """

    score: float
    regime_score: float
    contradiction: float


@dataclass(frozen=True, slots=True)
class Judge:
    """Labelled rows cut into regimes, regimes into sub-periods, and these into blocks of sessions.

    `parts` holds the rows of each regime; `cell_of` and `block_of` number each row's regime and
    sub-period, and its block within that; `cell_of_block` leads from one to the other.
    """

    is_up: NDArray[np.bool_]
    parts: tuple[Rows, ...]
    cell_of: Rows
    block_of: Rows
    cell_of_block: Rows

    @classmethod
    def of_rows(
        cls,
        is_up: NDArray[np.bool_],
        sessions: NDArray[np.int64],
        regimes: NDArray[np.object_] | None,
        block_sessions: int,
    ) -> "Judge":
        """Cut rows up. Blocks of `block_sessions` should outlast a label: they count as apart.

        Rows whose regime is missing belong to no part, unless `regimes` is None: one part then.
        """
        part = np.zeros(is_up.size, dtype="int64")
        if regimes is not None:
            part = pd.factorize(regimes, sort=True, use_na_sentinel=True)[0].astype("int64")
        first, last = int(sessions.min()), int(sessions.max())
        period = (sessions - first) * N_PERIODS // (last - first + 1)
        cell = np.where(part < 0, -1, part * N_PERIODS + period)
        spell = sessions // block_sessions
        blocks, block_of = np.unique(cell * (int(spell.max()) + 1) + spell, return_inverse=True)
        return cls(
            is_up=is_up,
            parts=tuple(np.flatnonzero(part == code) for code in range(part.max(initial=-1) + 1)),
            cell_of=cell,
            block_of=block_of,
            cell_of_block=blocks // (int(spell.max()) + 1),
        )

    def relation(self, values: Values) -> Relation:
        """Return how one feature relates to the label, on the rows where it is present.

        The scores weigh regimes by rows: telling regimes apart earns nothing, and a relation that
        turns with the regime has a regime score alone. The contradiction is how far both signs
        occur among the sub-periods of one regime: the smaller of the strongest positive and the
        strongest negative relation, each in standard errors that count a block of sessions as
        one observation, since the labels within it overlap; of all regimes the greatest. 0 where
        no regime has both signs.
        """
        total, distance, n_rows = 0.0, 0.0, 0
        gains = np.zeros(values.size)
        is_used = np.zeros(values.size, dtype=bool)
        for part in self.parts:
            rows = part[~np.isnan(values[part])]
            up = self.is_up[rows]
            n_up, n_down = int(up.sum()), int(up.size - up.sum())
            if n_up and n_down:
                ranks = doubled_ranks(values[rows])
                wins = ranks[up].sum() / 2 - n_up * (n_up + 1) / 2
                gap = wins / (n_up * n_down) - 0.5
                total += gap * rows.size
                distance += abs(gap) * rows.size
                n_rows += rows.size
                gains[rows] = ranks / rows.size - 1
                is_used[rows] = True
        if n_rows == 0:
            return Relation(0.0, 0.0, float("nan"))
        contradiction = self._contradiction(gains, is_used)
        return Relation(abs(total / n_rows), distance / n_rows, contradiction)

    def _contradiction(self, gains: Values, is_used: NDArray[np.bool_]) -> float:
        n_cells = len(self.parts) * N_PERIODS
        used = np.flatnonzero(is_used)
        cell = self.cell_of[used]
        count = np.maximum(np.bincount(cell, minlength=n_cells), 1)
        up_share = np.bincount(cell, self.is_up[used], minlength=n_cells) / count
        level = np.bincount(cell, gains[used], minlength=n_cells) / count
        product = (gains[used] - level[cell]) * (self.is_up[used] - up_share[cell])
        sums = np.bincount(self.block_of[used], product, minlength=self.cell_of_block.size)
        seen = np.bincount(self.block_of[used], minlength=self.cell_of_block.size) > 0
        cells = self.cell_of_block[seen]
        sums = sums[seen]
        n_blocks = np.bincount(cells, minlength=n_cells)
        total = np.bincount(cells, sums, minlength=n_cells)
        gaps = sums - (total / np.maximum(n_blocks, 1))[cells]
        spread = np.bincount(cells, gaps**2, minlength=n_cells)
        judged = (n_blocks >= MIN_BLOCKS) & (spread > 0)
        n = np.maximum(n_blocks, 2)
        z = np.full(n_cells, np.nan)
        z[judged] = (total / np.sqrt(np.where(judged, spread, 1.0) * n / (n - 1)))[judged]
        of_regime = z.reshape(-1, N_PERIODS)
        of_regime = of_regime[(~np.isnan(of_regime)).sum(axis=1) > 1]
        if of_regime.size == 0:
            return float("nan")
        both = np.minimum(np.nanmax(of_regime, axis=1), -np.nanmin(of_regime, axis=1))
        return float(max(both.max(), 0.0))


def doubled_ranks(values: Values) -> Values:
    """Return twice the mean rank from 1: whole numbers, so that sums of them are exact."""
    order = np.argsort(values)
    ranked = values[order]
    starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
    counts = np.diff(np.append(starts, values.size))
    doubled = np.empty(values.size)
    doubled[order] = np.repeat(2 * starts + counts + 1, counts)
    return doubled
