"""The paper trades in words, for the terminal."""

from collections.abc import Mapping

from trading_pipeline.domain.selloffs.book import Book, Trade


def book_lines(book: Book, prices: Mapping[str, float], r_usd: float, trouble: str) -> list[str]:
    """Return what a trader should see: the sum, each open trade, halts, what is not ours.

    Args:
        book: The book.
        prices: [USD] Newest price by symbol; unknown ones are told as such.
        r_usd: One risk unit.
        trouble: The last fault, empty where none.
    """
    newest = max((trade.session_date for trade in book.trades.values()), default=None)
    trades = book.unfinished()
    if newest is None:
        lines = ["paper: no trade yet"]
    else:
        n_held = sum(trade.open_quantity != 0 for trade in trades)
        made = book.realised_usd(newest) / r_usd
        still = book.open_usd(dict(prices)) / r_usd
        lines = [
            f"paper {newest:%Y-%m-%d}: {n_held} held, {len(trades) - n_held} pending,"
            f" realised {made:+.2f} R, open {still:+.2f} R"
        ]
    lines += [_line(trade, prices.get(trade.symbol)) for trade in trades]
    halted = book.halted(newest) if newest else book.killed
    if halted:
        lines.append(f"paper halted, nothing new is opened: {halted}")
    lines += [
        f"not ours, left alone: {shares:g} {symbol}"
        for symbol, shares in sorted(book.foreign.items())
    ]
    if trouble:
        lines.append(f"paper trouble: {trouble}")
    return lines


def _line(trade: Trade, price: float | None) -> str:
    if not trade.open_quantity:
        return f"  {trade.symbol}: entry {trade.entry.status}, {trade.entry.quantity:g} shares"
    shown = "price unknown" if price is None else f"at {price:.2f}"
    stop, target = float(trade.plan["stop"]), float(trade.plan["target"])
    state = trade.leaving or (
        "protected" if trade.protected_quantity == trade.open_quantity else "not protected yet"
    )
    return (
        f"  {trade.symbol}: {trade.open_quantity:g} from {trade.entry.price or 0.0:.2f} {shown},"
        f" stop {stop:.2f}, target {target:.2f}, {state}"
    )
