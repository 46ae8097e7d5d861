"""The population stability index: how differently two samples of one feature are spread.

Source: Siddiqi, *Credit Risk Scorecards* (2006).
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Counts: TypeAlias = NDArray[np.int64]


def cut_edges(ordered: Floats, n_bins: int) -> Floats:
    """Return the edges that cut ascending values into at most `n_bins` bins of equal counts.

    Fewer edges result where values repeat; none where there is no value.
    """
    if ordered.size == 0:
        return np.empty(0)
    # Edges are values that occur, so that a repeated value is an edge and gets its own bin.
    places = np.ceil(np.linspace(0, 1, n_bins + 1)[1:-1] * ordered.size).astype(int) - 1
    return np.unique(ordered[np.maximum(places, 0)])


def bin_values(values: Floats, edges: Floats) -> NDArray[np.int64]:
    """Return the bin of each value: 0 to 2 x n_edges, and one beyond for a missing value.

    A value on an edge has its own bin, so that rare flags are seen.
    """
    at = np.searchsorted(edges, values, "left")
    is_edge = np.zeros(values.shape, dtype="int64")
    inside = at < edges.size
    is_edge[inside] = edges[at[inside]] == values[inside]
    return np.where(np.isnan(values), 2 * edges.size + 1, 2 * at + is_edge)


def population_stability_index(trained: Counts, live: Counts) -> Floats:
    """Return the PSI over the last axis of two arrays of bin counts, of shapes that broadcast.

    Zero means the same spread; by the usual reading below 0.1 is stable and above 0.25 has moved.
    A bin that is empty on one side counts as half a row there, so the result is finite; one that
    is empty on both adds nothing. Missing where one side holds no row at all.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        p = np.maximum(trained, 0.5) / trained.sum(axis=-1, keepdims=True)
        q = np.maximum(live, 0.5) / live.sum(axis=-1, keepdims=True)
        terms = np.where((trained + live) > 0, (q - p) * np.log(q / p), 0.0)
        total: Floats = terms.sum(axis=-1)
    return np.where(np.isfinite(total), total, np.nan)
