"""Stream a factor set from clean bars to a Parquet file: chunks of symbols, a row group each."""

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from trading_pipeline.commands.cost import Cost
from trading_pipeline.domain.features.bar_columns import bar_columns
from trading_pipeline.domain.features.factor_sets import Block, FactorSet

PRECISION: Final = "float32"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows [first, last) of the bars, whole symbols, and their features."""

    first: int
    last: int
    block: Block
    room: NDArray[np.float32]
    seconds: float


def write_factors(
    bars: pd.DataFrame,
    chosen: FactorSet,
    path: Path,
    cost: Cost,
    *,
    threads: int,
    chunk_rows: int,
) -> None:
    """Write symbol, session_date and one float32 column a factor; NaN is missing.

    A row group holds whole symbols of about `chunk_rows`. `bars` are sorted by symbol and session,
    as clean_daily gives them. Rows stand in their order and hold the same bits for any number of
    threads. Raises OSError where the file cannot be.
    """
    began = time.process_time()
    chosen.computed(bar_columns(bars.iloc[:0]), PRECISION)
    cost.add_kernels(time.process_time() - began, chosen.kernels_were_compiled())

    schema = pa.schema(
        [
            pa.field("symbol", pa.string(), nullable=False),
            pa.field("session_date", pa.timestamp("ns"), nullable=False),
            *(pa.field(name, pa.float32(), nullable=False) for name in chosen.columns),
        ]
    )
    # Values of full precision hardly compress and no two are alike: plain pages are the cheapest.
    with pq.ParquetWriter(
        path, schema, compression="none", use_dictionary=["symbol"], write_statistics=False
    ) as writer:
        for chunk in _chunks(bars, chosen, threads, chunk_rows):
            began = time.thread_time()
            rows = bars.iloc[chunk.first : chunk.last]
            columns = [
                pa.array(rows["symbol"].to_numpy(object), pa.string()),
                pa.array(rows["session_date"].to_numpy("datetime64[ns]")),
                *(pa.array(values) for values in chunk.block),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema), len(rows))
            cost.add("computing", chunk.seconds)
            cost.add("writing", time.thread_time() - began)


def _chunks(
    bars: pd.DataFrame, chosen: FactorSet, threads: int, chunk_rows: int
) -> Iterator[Chunk]:
    """Compute chunks in order, at most one more than there are threads ahead of the reader."""
    spans = _spans(bars["symbol"], chunk_rows)
    largest = max((last - first for first, last in spans), default=0)
    free: deque[NDArray[np.float32]] = deque(
        np.empty(largest * len(chosen.columns), dtype=PRECISION)
        for _ in range(min(threads + 1, len(spans)) if threads > 1 else 1)
    )

    def make(span: tuple[int, int], room: NDArray[np.float32]) -> Chunk:
        began = time.thread_time()
        first, last = span
        block = chosen.computed(bar_columns(bars.iloc[first:last]), PRECISION, room)
        return Chunk(first, last, block, room, time.thread_time() - began)

    if threads == 1:
        yield from (make(span, free[0]) for span in spans)
        return
    ahead: deque[Future[Chunk]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for span in spans:
            if not free:
                chunk = ahead.popleft().result()
                yield chunk
                free.append(chunk.room)
            ahead.append(pool.submit(make, span, free.popleft()))
        for future in ahead:
            yield future.result()


def _spans(symbols: pd.Series, chunk_rows: int) -> list[tuple[int, int]]:
    """Return the first and last row (excluded) of chunks of whole symbols."""
    names = symbols.to_numpy(object)
    ends = np.append(np.flatnonzero(names[1:] != names[:-1]) + 1, len(names))
    spans: list[tuple[int, int]] = []
    first = 0
    while first < len(names):
        within = np.searchsorted(ends, first + chunk_rows, side="right") - 1
        last = int(ends[within]) if within >= 0 and ends[within] > first else 0
        if not last:
            last = int(ends[np.searchsorted(ends, first, side="right")])
        spans.append((first, last))
        first = last
    return spans
