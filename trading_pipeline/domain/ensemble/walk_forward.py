"""Out-of-fold predictions, block after block: a row is predicted by models that never saw it.

The driver hands out the labels of the training rows and no others, so whatever is fitted for a
block cannot depend on that block's outcome.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Rows: TypeAlias = NDArray[np.intp]
Labels: TypeAlias = NDArray[np.float64]
# (block, training rows, their labels, test rows) to probabilities of the test rows by learner.
FitPredict: TypeAlias = Callable[[int, Rows, Labels, Rows], Mapping[str, NDArray[np.float64]]]


@dataclass(frozen=True, slots=True)
class OofBlock:
    """Row positions of one test block and of the rows that may train for it.

    Training rows may repeat (a balanced sample); purging them is the caller's part.
    """

    block: int
    train_rows: Rows
    test_rows: Rows


def walk_forward_oof(
    rows: pd.DataFrame,
    blocks: Sequence[OofBlock],
    fit_predict: FitPredict,
    more_keys: Sequence[str] = (),
) -> pd.DataFrame:
    """Predict every block in order; gives ensemble.oof sorted by block, learner, session, symbol.

    ``rows`` has symbol, session_date, session and label (0 or 1). ``fit_predict`` gets one block
    at a time and gives one probability per test row and learner. ``more_keys`` are columns that
    tell rows of one symbol and session apart; they are kept, and sorted by. Raises ValueError
    where a block trains on rows it tests, tests a row without a label, or a prediction is not a
    probability.
    """
    label = rows["label"].to_numpy(np.float64, na_value=np.nan)
    parts = []
    for part in sorted(blocks, key=lambda b: b.block):
        if np.intersect1d(part.train_rows, part.test_rows).size:
            raise ValueError(f"block {part.block} would train on rows it tests")
        tested = rows.iloc[part.test_rows]
        if not np.isin(label[part.test_rows], (0.0, 1.0)).all():
            raise ValueError(f"block {part.block} would test rows whose label is not known")
        predictions = fit_predict(
            part.block, part.train_rows, label[part.train_rows], part.test_rows
        )
        for learner in sorted(predictions):
            p = np.asarray(predictions[learner], dtype=np.float64)
            if p.shape != (len(tested),) or not ((p >= 0) & (p <= 1)).all():
                raise ValueError(f"{learner} gave no probability for some rows of {part.block}")
            frame = tested[["symbol", "session_date", "session", *more_keys]].assign(
                block=part.block,
                learner=learner,
                oof_probability=p,
                label=label[part.test_rows].astype(np.int64),
            )
            parts.append(frame.sort_values(["session", "symbol", *more_keys]))
    if not parts:
        raise ValueError("no block to predict: the training span is too short for the protocol")
    return pd.concat(parts, ignore_index=True)
