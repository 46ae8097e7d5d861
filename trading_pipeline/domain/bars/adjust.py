"""What makes prices of one symbol comparable: splits, dividends, and the seam between two vendors.

Factors accumulate forward from the first bar. A factor counted back from the last one would change
history whenever a new action is announced.
"""

from itertools import groupby

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.domain.bars.quarantine import joined, quarantined

Floats = NDArray[np.float64]
# Two vendors' levels are compared on this many common sessions, so one bad print cannot set them.
OVERLAP_SESSIONS = 3


def own_factor(rows: pd.DataFrame, actions: pd.DataFrame | None) -> Floats:
    """Return the factor within each row's own vendor, shape (n_rows,).

    `adj_close / close` where the vendor gives `adj_close`; for raw prices the product of the split
    ratios with `ex_date` up to the session; else 1.
    """
    adjusted = rows["adj_close"].to_numpy("float64") / rows["close"].to_numpy("float64")
    factor = np.where(np.isnan(adjusted), 1.0, adjusted)
    splits = None if actions is None else actions[actions["action"] == "split"]
    if splits is None or splits.empty:
        return factor
    acts = (rows["prices"] == "raw").to_numpy() & np.isnan(adjusted)
    dates = rows["session_date"].to_numpy()
    positions = rows.groupby("symbol", sort=False, observed=True).indices
    for symbol, listed in splits.sort_values(["symbol", "ex_date"]).groupby("symbol"):
        at = positions.get(symbol)
        if at is not None:
            steps = np.r_[1.0, np.cumprod(listed["ratio"].to_numpy("float64"))]
            n_before = np.searchsorted(listed["ex_date"].to_numpy(), dates[at], side="right")
            factor[at] *= np.where(acts[at], steps[n_before], 1.0)
    return factor


def chained_scale(
    rows: pd.DataFrame, factor: Floats, others: pd.DataFrame, other_factor: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return (scale, seam): what chains each row to the vendor before it, and where nothing does.

    A change of vendor, or of what the vendor adjusted, is chained by the median ratio of the two
    levels on their last common sessions up to that row; with none, the row is a seam and its scale
    starts again at 1.

    Args:
        rows: Winning rows sorted by symbol and session: symbol_code, session, close, vendor,
            prices.
        factor: `own_factor` of `rows`.
        others: Losing rows of the same sessions, same columns.
        other_factor: `own_factor` of `others`.
    """
    scale = np.ones(len(rows))
    seam = np.zeros(len(rows), dtype=bool)
    codes = rows["symbol_code"].to_numpy()
    vendor, prices = (pd.factorize(rows[name])[0] for name in ("vendor", "prices"))
    changes = (np.diff(vendor) != 0) | (np.diff(prices) != 0)
    turns = np.flatnonzero(np.r_[False, (codes[1:] == codes[:-1]) & changes][: len(rows)])
    if not len(turns):
        return scale, seam
    concerned = np.unique(codes[turns])
    levels = pd.concat(
        [
            _levels(rows, factor, concerned),
            _levels(others, other_factor, concerned),
        ]
    ).drop_duplicates(["symbol_code", "provider", "session"])
    by_provider = {
        key: group.set_index("session")["level"].sort_index()
        for key, group in levels.groupby(["symbol_code", "provider"])
    }
    names = {
        row: _provider(rows.iloc[row : row + 1]).item()
        for turn in turns.tolist()
        for row in (turn - 1, turn)
    }
    sessions = rows["session"].to_numpy()
    for code, symbol_turns in groupby(turns.tolist(), key=lambda row: codes[row]):
        stop = int(np.searchsorted(codes, code, side="right"))
        ratios: dict[tuple[str, str], pd.Series] = {}
        current = 1.0
        for row in symbol_turns:
            pair = (names[row - 1], names[row])
            if pair not in ratios:
                before, after = (by_provider[(code, name)] for name in pair)
                ratios[pair] = (before / after).dropna()
            known = ratios[pair].loc[: sessions[row]].to_numpy()[-OVERLAP_SESSIONS:]
            seam[row] = not len(known)
            current = current * float(np.median(known)) if len(known) else 1.0
            scale[row:stop] = current
    return scale, seam


def dividend_factor(
    bars: pd.DataFrame, actions: pd.DataFrame | None
) -> tuple[Floats, pd.DataFrame]:
    """Return (factor, quarantine): cumulative dividends of raw bars, and those that cannot be true.

    Each dividend multiplies all later bars by 1 / (1 - amount / close before). A dividend as large
    as the price itself is refused.

    Args:
        bars: Accepted bars sorted by symbol and session, with `adj_factor` for splits and vendors,
            and `adj_close`: where given, it holds the dividends already.
        actions: Columns of `bars.corporate_actions`, or None.
    """
    nothing = joined([])
    steps = np.ones(len(bars))
    paid = None if actions is None else actions[actions["action"] == "dividend"]
    if paid is None or paid.empty:
        return steps, nothing
    close, factor = bars["close"].to_numpy(), bars["adj_factor"].to_numpy()
    dates = bars["session_date"].to_numpy()
    acts = ((bars["prices"] == "raw") & bars["adj_close"].isna()).to_numpy()
    positions = bars.groupby("symbol", sort=False, observed=True).indices
    refused = []
    totals = paid.groupby(["symbol", "ex_date"], as_index=False)["amount_usd"].sum()
    for symbol, ex_date, amount in totals.itertuples(index=False):
        at = positions.get(symbol)
        if at is None:
            continue
        nth = int(np.searchsorted(dates[at], np.datetime64(ex_date)))
        if nth == 0 or nth == len(at) or not acts[at[nth]]:
            continue
        row = at[nth]
        before = close[row - 1] * factor[row - 1] / factor[row]
        if amount >= before:
            refused.append((symbol, ex_date, f"dividend {amount:.6g} on a price of {before:.6g}"))
        else:
            steps[row] /= 1 - amount / before
    codes = bars["symbol_code"].to_numpy()
    total = np.asarray(pd.Series(steps).groupby(codes).cumprod(), dtype="float64")
    if not refused:
        return total, nothing
    rows = pd.DataFrame(refused, columns=["symbol", "ts", "detail"])
    rows["source_file"] = "corporate_actions"
    reason = np.full(len(rows), "dividend_exceeds_price", dtype=object)
    detail = rows["detail"].to_numpy(object)
    return total, quarantined(rows, reason, detail, "bars.corporate_actions")


def _provider(rows: pd.DataFrame) -> pd.Series:
    """Return who delivered each row, and adjusted for what."""
    return rows["vendor"].astype(str) + "\n" + rows["prices"].astype(str)


def _levels(rows: pd.DataFrame, factor: Floats, concerned: NDArray[np.int64]) -> pd.DataFrame:
    inside = np.isin(rows["symbol_code"].to_numpy(), concerned)
    taken = rows[inside]
    return pd.DataFrame(
        {
            "symbol_code": taken["symbol_code"].to_numpy(),
            "provider": _provider(taken),
            "session": taken["session"].to_numpy(),
            "level": taken["close"].to_numpy() * factor[inside],
        }
    )
