"""The staggered book's trades: which names each cohort takes, where they fill, where they end.

Every session one cohort gets 1 / hold_sessions of the fixed capital. The stake never grows or
shrinks with the book, so that profit is additive over trades and linear in costs.
Source: overlapping portfolios of Jegadeesh and Titman, *Returns to Buying Winners* (1993).
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import BacktestConfig
from trading_pipeline.domain.backtest.costs import borrow_usd_per_session, order_cost_usd
from trading_pipeline.domain.backtest.grid import Floats, PriceGrid, Rows, price_grid
from trading_pipeline.domain.backtest.holding import chosen_with_band, held_over
from trading_pipeline.domain.backtest.sizing import size_orders

TRADE_COLUMNS = (
    "cohort",
    "symbol",
    "side",
    "decided_date",
    "entry_date",
    "exit_date",
    "exit_reason",
    "entry_price",
    "exit_price",
    "quantity",
    "notional_usd",
    "gross_pnl_usd",
    "cost_usd",
    "net_pnl_usd",
    "probability",
)


class TradeCosts(NamedTuple):
    """Costs in USD per trade; borrow is per session held, entry and exit session included."""

    entry: Floats
    exit: Floats
    borrow_per_session: Floats


def choose_orders(predictions: pd.DataFrame, config: BacktestConfig) -> pd.DataFrame:
    """Return one row per order of every cohort: predictions' columns and target_usd, signed.

    `predictions` has symbol, session_date, session, probability (no NaN), in any order. The top
    `quantile_frac` of a session is bought and, in a long-short book, as many at the bottom are
    sold; each side of a long-short book gets half of the cohort's capital. Equal probabilities
    are ordered by symbol. With `hold_band_frac` a name already held stays while it ranks within
    the wider band (see holding.py); it is among the orders all the same. A session whose
    probabilities are all equal says nothing: no order.
    """
    ranked = predictions[["symbol", "session_date", "session", "probability"]].sort_values(
        ["session", "probability", "symbol"], ascending=[True, False, True], ignore_index=True
    )
    by_session = ranked.groupby("session")["probability"]
    n_names = by_session.transform("size").to_numpy()
    rank = by_session.cumcount().to_numpy()
    says_something = (by_session.transform("max") > by_session.transform("min")).to_numpy()
    # The tiny term keeps 0.1 * 30 from being 2 names.
    n_taken = np.maximum(np.floor(config.quantile_frac * n_names + 1e-9), 1)
    if config.hold_band_frac > 0:
        side = np.zeros(len(ranked), dtype=np.intp)
        said = np.flatnonzero(says_something)
        side[said] = chosen_with_band(ranked.iloc[said], n_taken[said].astype(np.intp), config)
        is_long, is_short = side > 0, side < 0
    else:
        is_long = says_something & (rank < n_taken)
        is_short = says_something & (rank >= n_names - n_taken) & (config.side == "long_short")
    stake = config.capital_usd / config.hold_sessions / (2 if config.side == "long_short" else 1)
    ranked["target_usd"] = (is_long.astype(float) - is_short.astype(float)) * stake / n_taken
    return ranked[is_long | is_short].reset_index(drop=True)


def build_trades(
    predictions: pd.DataFrame, bars: pd.DataFrame, universe: pd.DataFrame, config: BacktestConfig
) -> pd.DataFrame:
    """Return backtest.trades: what every cohort held, what it earned and what it cost.

    `predictions`: symbol, session_date, session, probability in [0, 1]; only symbols that
    `universe` calls an equity trade. `bars`: rows of bars.daily, up to the data's end.

    Decided after the close of a session, an order fills at the next session's open, or at its
    close where the open is missing; without a bar there it lapses. It takes at most
    `max_volume_frac` of that bar's volume (no limit where volume is missing). It ends at the
    close of the last session of the label's span, or at the next close whose volume can take
    it. Else it is valued at its last close: of the symbol (`delisted`), before prices stop being
    comparable (`vendor_seam`), or of the data (`end_of_data`). With `hold_band_frac` a name that
    stays is one trade, of the cohort that bought it, until a cohort lets it go. Quantity counts the
    entry's shares, fractions allowed, and exit_price is in their terms: splits and dividends since
    then are in it.

    Raises ValueError where a probability is missing or two predictions share a name and session.
    """
    if predictions["probability"].isna().any():
        raise ValueError("a prediction without a probability cannot be ranked; drop it first")
    if predictions.duplicated(["symbol", "session"]).any():
        raise ValueError("two predictions for one symbol and session; give one model's only")
    equities = universe.loc[universe["kind"] == "equity", "symbol"]
    orders = choose_orders(predictions[predictions["symbol"].isin(equities)], config)
    if orders.empty or bars.empty:
        return empty_trades()
    orders = size_orders(orders, bars, config)
    if orders.empty:
        return empty_trades()
    recent = bars[bars["session"] >= orders["session"].min()]
    grid = price_grid(recent, pd.Index(orders["symbol"]))

    entry = np.searchsorted(grid.sessions, orders["session"].to_numpy("int64"), side="right")
    column = grid.symbols.get_indexer(pd.Index(orders["symbol"]))
    is_inside = entry < grid.sessions.size
    is_filled = is_inside.copy()
    is_filled[is_inside] = grid.has_bar[entry[is_inside], column[is_inside]]
    orders, entry, column = orders[is_filled], entry[is_filled], column[is_filled]

    price = grid.open[entry, column]
    price = np.where(np.isnan(price), grid.close[entry, column], price)
    limit = np.nan_to_num(config.max_volume_frac * grid.volume[entry, column], nan=np.inf)
    target = orders["target_usd"].to_numpy()
    quantity = np.sign(target) * np.minimum(np.abs(target) / price, limit)
    is_traded = quantity != 0
    orders, entry, column = orders[is_traded], entry[is_traded], column[is_traded]
    price, quantity = price[is_traded], quantity[is_traded]
    if orders.empty:
        return empty_trades()

    cohort = orders["session"].to_numpy("int64")
    last = cohort
    if config.hold_band_frac > 0:
        seam = grid.next_seam()[entry, column]
        side = np.sign(quantity).astype(np.intp)
        opens, last = held_over(cohort, column, side, entry, seam, config.hold_sessions)
        orders, cohort, last = orders[opens], cohort[opens], last[opens]
        entry, column = entry[opens], column[opens]
        price, quantity = price[opens], quantity[opens]
    leave, reason = _find_exits(grid, last, entry, column, quantity, config)
    factor = grid.factor[leave, column] / grid.factor[entry, column]
    exit_price = grid.close[leave, column] * factor
    costs = trade_costs(grid, entry, leave, column, quantity, price, config)
    gross = quantity * (exit_price - price)
    cost = costs.entry + costs.exit + costs.borrow_per_session * (leave - entry + 1)
    return pd.DataFrame(
        {
            "cohort": cohort,
            "symbol": orders["symbol"].to_numpy(object),
            "side": np.where(quantity > 0, "long", "short").astype(object),
            "decided_date": orders["session_date"].to_numpy(),
            "entry_date": grid.dates.to_numpy()[entry],
            "exit_date": grid.dates.to_numpy()[leave],
            "exit_reason": reason,
            "entry_price": price,
            "exit_price": exit_price,
            "quantity": quantity,
            "notional_usd": np.abs(quantity) * price,
            "gross_pnl_usd": gross,
            "cost_usd": cost,
            "net_pnl_usd": gross - cost,
            "probability": orders["probability"].to_numpy(),
        }
    )


def trade_costs(
    grid: PriceGrid,
    entry: Rows,
    leave: Rows,
    column: Rows,
    quantity: Floats,
    entry_price: Floats,
    config: BacktestConfig,
) -> TradeCosts:
    """Return what each trade pays at its entry, at its exit, and per session for the loan."""
    shares = np.abs(quantity)
    # Splits and reinvested dividends change the number of shares that are sold.
    exit_shares = shares * grid.factor[leave, column] / grid.factor[entry, column]
    return TradeCosts(
        entry=order_cost_usd(
            shares, entry_price, grid.volume[entry, column], grid.is_raw[entry, column], config
        ),
        exit=order_cost_usd(
            exit_shares,
            grid.close[leave, column],
            grid.volume[leave, column],
            grid.is_raw[leave, column],
            config,
        ),
        borrow_per_session=borrow_usd_per_session(shares * entry_price, quantity < 0, config),
    )


def empty_trades() -> pd.DataFrame:
    """Return backtest.trades without rows."""
    words = {"symbol", "side", "exit_reason"}
    dates = {"decided_date", "entry_date", "exit_date"}
    kinds = {
        name: "object" if name in words else "datetime64[ns]" if name in dates else "float64"
        for name in TRADE_COLUMNS
    } | {"cohort": "int64"}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})


def _find_exits(
    grid: PriceGrid,
    cohort: NDArray[np.int64],
    entry: Rows,
    column: Rows,
    quantity: Floats,
    config: BacktestConfig,
) -> tuple[Rows, NDArray[np.object_]]:
    """Return the row each trade ends in, and why; `cohort` is the last that holds it."""
    previous = grid.previous_bar()
    final = previous[-1, column]
    seam = grid.next_seam()[entry, column]
    has_seam = seam < grid.sessions.size
    last = np.where(has_seam, previous[seam - 1, column], final)

    leave = np.searchsorted(grid.sessions, cohort + config.hold_sessions, side="left")
    shares_per_factor = np.abs(quantity) / grid.factor[entry, column]
    waiting = np.flatnonzero(leave <= last)
    while waiting.size:
        at = leave[waiting], column[waiting]
        limit = np.nan_to_num(config.max_volume_frac * grid.volume[at], nan=np.inf)
        can_fill = grid.has_bar[at] & (shares_per_factor[waiting] * grid.factor[at] <= limit)
        waiting = waiting[~can_fill]
        leave[waiting] += 1
        waiting = waiting[leave[waiting] <= last[waiting]]

    is_cut = leave > last
    reason = np.full(leave.size, "horizon", dtype=object)
    reason[is_cut] = "end_of_data"
    reason[is_cut & (final < grid.sessions.size - 1)] = "delisted"
    reason[is_cut & has_seam] = "vendor_seam"
    return np.where(is_cut, last, leave), reason
