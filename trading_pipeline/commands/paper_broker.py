"""Opens the paper book of a home from its settings, and ends all trading at a word."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path

from trading_pipeline.adapters.broker.alpaca_paper import AlpacaPaper
from trading_pipeline.adapters.broker.kill_switch import kill_reason, pull_kill_switch
from trading_pipeline.adapters.broker.trail import WarehouseTrail
from trading_pipeline.adapters.locks import home_lock
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.commands.paper_book import PaperBook
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import WarehouseBusyError
from trading_pipeline.domain.selloffs.orders import rules_of
from trading_pipeline.settings import vendor_keys

LIVE = "live"
LOCK_FOLDER = "scan/broker"
STOP_TICKS = 12


def open_paper_book(
    config: PipelineConfig, home: Path, warehouse: Warehouse, mode: str = LIVE
) -> PaperBook | None:
    """Return the book that trades this home's alerts; None where it is off, or for a replay.

    One process at a time holds the book of a home, until `close`.

    Raises:
        WarehouseBusyError: Another process holds it; the message names it.
        InputError: The host is not paper, or a key is missing; the message names the remedy.
    """
    if not config.broker.enabled or mode != LIVE:
        return None
    broker = config.broker
    with ExitStack() as held:
        client = AlpacaPaper(broker.base_url, vendor_keys(), broker.timeout_seconds)
        held.callback(client.close)
        held.enter_context(home_lock(home / LOCK_FOLDER))
        trail, why = WarehouseTrail(warehouse), partial(kill_reason, home)
        rules, retries = rules_of(config), broker.max_retries
        return PaperBook(client, trail, rules, retries, why, held.pop_all().close)


def stop_trading(
    config: PipelineConfig,
    home: Path,
    warehouse: Warehouse,
    reason: str,
    clock: Callable[[], datetime],
    wait: Callable[[float], None],
) -> list[str]:
    """Pull the kill switch and see to it that own orders end and own positions close.

    A scanner that runs does that itself at its next look; else it is done here.

    Args:
        config: Settings; where the broker is off, only the switch is pulled.
        home: The home.
        warehouse: Its warehouse.
        reason: Kept in the switch and in the trail.
        clock: Tells the time.
        wait: Waits so many seconds between looks.

    Returns:
        What was done, a line each.
    """
    path = pull_kill_switch(home, reason)
    lines = [f"kill switch: {path} lies there; nothing is opened until it is removed"]
    try:
        book = open_paper_book(config, home, warehouse)
    except WarehouseBusyError as error:
        return [*lines, f"the scanner that runs closes what is open: {error}"]
    if book is None:
        return [*lines, "broker.enabled is false: nothing was asked of a broker"]
    for n in range(STOP_TICKS):
        if n:
            wait(config.scan.poll_seconds)
        book.tick(clock())
        if book.is_settled and not book.book.unfinished():
            break
    lines += book.lines()
    book.close(clock())
    return lines
