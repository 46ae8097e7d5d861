"""Factor sets that a fused kernel computes whole: over a history, or for the bars just appended."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.domain.features import alpha158, factors14
from trading_pipeline.domain.features.alpha158_kernels import alpha158_kernel
from trading_pipeline.domain.features.bar_columns import BarColumns, bar_columns

Precision = Literal["float32", "float64"]
Block = NDArray[np.float64] | NDArray[np.float32]
# No window reaches further back: 60 bars and the one before them.
TAIL_ROWS = 61


@dataclass(frozen=True, slots=True)
class FactorSet:
    """The names of the columns and the kernel that computes them."""

    name: str
    columns: tuple[str, ...]
    windows: tuple[int, ...]
    kernel: Any

    def computed(
        self, bars: BarColumns, precision: Precision = "float64", room: Block | None = None
    ) -> Block:
        """Return (n_features, n_rows), missing as NaN.

        `room` is a flat array of the precision to compute in, which spares new memory; the next
        block that is computed in it overwrites this one.
        """
        shape = len(self.columns), bars.size
        if room is None:
            out = np.empty(shape, dtype=precision)
        else:
            out = room[: shape[0] * shape[1]].reshape(shape)
        self._fill(bars, np.zeros(1, dtype="int64"), np.array([bars.size], dtype="int64"), out)
        return out

    def kernels_were_compiled(self) -> bool:
        """Return whether this process had to compile the kernel; False where a cache had it."""
        return bool(self.kernel.stats.cache_misses)

    def _fill(
        self, bars: BarColumns, firsts: NDArray[np.int64], lasts: NDArray[np.int64], out: Block
    ) -> None:
        windows = np.array(self.windows, dtype="int64")
        self.kernel(bars.values, bars.runs, firsts, lasts, windows, out)

    def appended(
        self, tail: BarColumns, bars: pd.DataFrame, precision: Precision = "float64"
    ) -> tuple[BarColumns, Block, BarColumns]:
        """Return the new rows, their features as `computed` gives, and the next tail.

        Args:
            tail: The history's last TAIL_ROWS rows of each symbol, from `BarColumns.tail`.
            bars: Columns of bars.daily; each symbol's bars lie after its tail and stand on the
                same scale of adj_factor. A restated factor needs a tail of the restated history.
            precision: Of the features.

        The values equal those of the whole history computed again, to the bit.
        Raises ValueError where a bar is not new.
        """
        new = bar_columns(bars, tail)
        joined, is_new = _joined(tail, new)
        edges = np.flatnonzero(np.diff(np.concatenate(([0], is_new.view(np.int8), [0]))))
        firsts, lasts = edges[::2].astype("int64"), edges[1::2].astype("int64")
        out = np.empty((len(self.columns), new.size), dtype=precision)
        self._fill(joined, firsts, lasts, out)
        return new, out, joined.tail(TAIL_ROWS)


FACTOR_SETS = {
    chosen.name: chosen
    for chosen in (
        FactorSet("alpha158", alpha158.NAMES, alpha158.WINDOWS, alpha158_kernel),
        FactorSet("factors14", factors14.NAMES, factors14.WINDOWS, factors14.factors14_kernel),
    )
}


def _joined(tail: BarColumns, new: BarColumns) -> tuple[BarColumns, NDArray[np.bool_]]:
    """Return the rows of both by symbol and session, and which are new."""
    symbols = np.unique(np.concatenate([tail.symbols, new.symbols]))
    index = pd.Index(symbols)
    code = np.concatenate(
        [index.get_indexer(pd.Index(part.symbols))[part.code] for part in (tail, new)]
    ).astype("int64")
    session = np.concatenate([tail.session, new.session])
    order = np.lexsort((session, code))
    both = BarColumns(
        symbols,
        code,
        session,
        np.concatenate([tail.values, new.values], axis=1),
        np.concatenate([tail.runs, new.runs], axis=1),
        np.concatenate([tail.scale, new.scale], axis=1),
    )
    is_new = np.zeros(len(code), dtype=bool)
    is_new[tail.size :] = True
    return both.taken(order), is_new[order]
