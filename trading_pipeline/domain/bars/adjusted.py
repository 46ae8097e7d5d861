"""Daily prices on one scale as they could be put on it at a moment: the adjusted view.

`bars.daily` holds prices as delivered and a factor that knows every action of the source. A split
announced late must not reach a decision made before it was known.
"""

import pandas as pd

from trading_pipeline.domain.bars.adjust import Floats, dividend_factor, own_factor

PRICES = ("open", "high", "low", "close")


def adjusted_as_of(bars: pd.DataFrame, actions: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return the bars known at `as_of`, adjusted by the actions known at `as_of`.

    Args:
        bars: Columns of `bars.daily`, in any order; `adj_factor` knows all of `actions`.
        actions: Columns of `bars.corporate_actions`.
        as_of: A tz-aware instant; what is known at it counts.

    Returns:
        The bars' columns with `adj_factor` as of then, and adj_open, adj_high, adj_low, adj_close
        (USD on the scale of the symbol's first bar), sorted by symbol and session.

    Factors accumulate forward, so an action that becomes known moves its own ex-date and the
    bars after it, and no return before. Where the vendor adjusted the prices himself, his
    actions stand in the prices and no moment can be told for them.
    """
    known = bars[bars["known_at"] <= as_of].sort_values(
        ["symbol", "session_date"], ignore_index=True
    )
    told = actions[actions["known_at"] <= as_of]
    factor = known["adj_factor"] * (_acting(known, told) / _acting(known, actions))
    adjusted = {f"adj_{name}": known[name] * factor for name in PRICES}
    return known.assign(adj_factor=factor, **adjusted)


def _acting(bars: pd.DataFrame, actions: pd.DataFrame) -> Floats:
    """Return the factor of splits and dividends alone, shape (n_rows,)."""
    plain = bars.assign(adj_close=float("nan"), symbol_code=pd.factorize(bars["symbol"])[0])
    splits = own_factor(plain, actions)
    paid, _ = dividend_factor(plain.assign(adj_factor=splits), actions)
    return splits * paid
