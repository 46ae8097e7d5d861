"""Copies of one bar: equal copies collapse, copies that disagree within a file are refused.

Between files the vendor order decides, then the file order; a losing row that differs is recorded
one by one, equal rows as one line per file and symbol.
"""

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars.quarantine import joined, quarantined

VALUE_COLUMNS = ("open", "high", "low", "close", "volume", "adj_close")
COMPARED = ("open", "high", "low", "close")
DISAGREEMENT = 1e-6


def settle_duplicates(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return (winners, quarantine, losers) of sound rows.

    Args:
        rows: Sound rows sorted by symbol_code, session, vendor_rank, file_rank and source_file.

    Returns:
        One winner per symbol and session; the quarantine rows; and the losing rows of other
        files, which show how two vendors' scales compare. Prices of two kinds (split-adjusted
        against total) are not comparable, so their difference is not called a disagreement.
    """
    key = ["symbol_code", "session"]
    repeated = rows.duplicated(key, keep=False)
    if not repeated.any():
        return rows, joined([]), rows.iloc[:0]
    contested = rows[repeated]
    in_file = [*key, "source_file"]
    agrees = contested.duplicated([*in_file, *VALUE_COLUMNS], keep=False)
    several = contested.duplicated(in_file, keep=False)
    copies = contested[several]
    groups = copies.groupby(in_file, sort=False)
    n_versions = groups[list(VALUE_COLUMNS)].nunique(dropna=False).max(axis=1)
    split_keys = n_versions.index[n_versions > 1]
    disagrees = several & pd.MultiIndex.from_frame(contested[in_file]).isin(split_keys)
    refused = contested[disagrees]
    reason = np.full(len(refused), "duplicate_disagrees", dtype=object)
    detail = np.full(len(refused), "the file holds this bar more than once, with other values")
    parts = [quarantined(refused, reason, detail.astype(object))]

    spare = agrees & contested.duplicated(in_file, keep="first") & ~disagrees
    if spare.any():
        parts.append(_summaries(contested[spare], "duplicate_collapsed", "equal copies within"))
    standing = contested[~disagrees & ~spare]
    loses = standing.duplicated(key, keep="first")
    losers = standing[loses]
    if len(losers):
        parts.extend(_recorded(losers, standing[~loses]))
    winners = pd.concat([rows[~repeated], standing[~loses]]).sort_index()
    return winners, joined(parts), losers


def _recorded(losers: pd.DataFrame, winners: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the quarantine frames of rows that lost to another file."""
    key = ["symbol_code", "session"]
    won = losers[key].merge(winners, on=key, how="left", validate="many_to_one")
    won.index = losers.index
    lost_values = losers[list(COMPARED)].to_numpy("float64")
    won_values = won[list(COMPARED)].to_numpy("float64")
    with np.errstate(invalid="ignore"):
        gap = np.abs(lost_values / won_values - 1)
    furthest = pd.Series(np.nan_to_num(gap).max(axis=1), index=losers.index)
    comparable = losers["prices"].eq(won["prices"])
    differs = comparable & (furthest > DISAGREEMENT)
    same_vendor = losers["vendor"].eq(won["vendor"])
    reason = np.where(same_vendor, "file_disagreement", "vendor_disagreement").astype(object)
    reason[~differs.to_numpy()] = ""
    detail = np.array(
        [
            f"{winner_file} ({winner}) holds close {close:.6g}; prices differ by up to {gap:.2e}"
            for winner_file, winner, close, gap in zip(
                won["source_file"], won["vendor"], won["close"], furthest, strict=True
            )
        ],
        dtype=object,
    )
    parts = [quarantined(losers, reason, detail)]
    equal = comparable & ~differs
    if equal.any():
        parts.append(_summaries(losers[equal], "duplicate_collapsed", "equal to another file's in"))
    if (~comparable).any():
        parts.append(
            _summaries(
                losers[~comparable],
                "vendor_superseded",
                "replaced by a preferred file with another adjustment; not comparable, in",
            )
        )
    return parts


def _summaries(rows: pd.DataFrame, reason: str, words: str) -> pd.DataFrame:
    """Return one quarantine row per file and symbol for rows of which nothing was lost."""
    groups = rows.groupby(["source_file", "symbol"], sort=True)["session_date"]
    spans = groups.agg(["min", "max", "count"]).reset_index()
    detail = [
        f"{count} rows {words} {file}, {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        for file, first, last, count in zip(
            spans["source_file"], spans["min"], spans["max"], spans["count"], strict=True
        )
    ]
    return quarantined(
        spans.rename(columns={"min": "ts"}),
        np.full(len(spans), reason, dtype=object),
        np.array(detail, dtype=object),
    )
