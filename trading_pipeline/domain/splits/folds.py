"""The fold table: the role of every label in every fold of the protocol, row by row."""

import numpy as np
import pandas as pd

from trading_pipeline.domain.splits.protocol import Protocol, is_labelled, ordinal
from trading_pipeline.domain.splits.purged import is_clean


def fold_table(labels: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """Return the columns of `splits.folds`: one row per fold, symbol and session with its role.

    A purged, embargoed or open label has no row in that fold, and no label whose span touches the
    hold-out has one at all. Block k tests the labels drawn in it. Its training labels end before
    it opens; under `purged_kfold` also those that start after its longest label and the embargo.

    Args:
        labels: Rows of `labels.direction`, in any order.
        protocol: Edges and scheme.

    Returns:
        Ordered by fold, role, symbol and session. The first walk-forward block has no training
        row, and so no out-of-fold prediction.
    """
    usable = is_labelled(labels) & (labels["end_session"] < protocol.holdout_opens).to_numpy()
    rows = labels.loc[usable].sort_values(["symbol", "session"], ignore_index=True)
    session = rows["session"].to_numpy("int64")
    start = rows["start_session"].to_numpy("int64")
    end = rows["end_session"].to_numpy("int64")
    opens = [ordinal(day) for day in protocol.block_starts]
    block = np.searchsorted(opens, session, side="right")
    parts = []
    for fold, first in enumerate(opens, start=1):
        in_test = block == fold
        if not in_test.any():
            continue
        clean = end < first
        if protocol.scheme == "purged_kfold":
            closes = int(end[in_test].max())
            clean = is_clean(start, end, first, closes, protocol.embargo_sessions)
        for role, chosen in (("test", in_test), ("train", clean)):
            part = rows.loc[chosen, ["symbol", "session_date"]]
            parts.append(part.assign(protocol_id=protocol.protocol_id, fold=fold, role=role))
    columns = ["protocol_id", "fold", "symbol", "session_date", "role"]
    if not parts:
        return pd.DataFrame({name: rows.get(name, pd.Series(dtype=object)) for name in columns})
    return pd.concat(parts, ignore_index=True)[columns].astype({"fold": "int64"})
