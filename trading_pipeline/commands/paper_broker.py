"""Opens the paper book of a home from its settings, and ends all trading at a word."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from trading_pipeline.adapters.broker.alpaca_paper import AlpacaPaper
from trading_pipeline.adapters.broker.kill_switch import (
    kill_reason,
    lift_kill_switch,
    pull_kill_switch,
)
from trading_pipeline.adapters.broker.trail import WarehouseTrail
from trading_pipeline.adapters.locks import home_lock
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.commands.paper_book import PaperBook
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import WarehouseBusyError
from trading_pipeline.domain.selloffs.orders import rules_of
from trading_pipeline.resources import open_home
from trading_pipeline.settings import vendor_keys

LIVE = "live"
LOCK_FOLDER = "scan/broker"
STOP_TICKS = 12
WAIT_SECONDS = 30.0


def is_traded(config: PipelineConfig, mode: str) -> bool:
    """Return whether a scan trades on paper: a live one, where the settings say so."""
    return config.broker.enabled and mode == LIVE


def open_paper_book(config: PipelineConfig, home: Path, warehouse: Warehouse) -> PaperBook:
    """Return the book that trades a home's alerts; whether it should is for `is_traded` to say.

    One process at a time holds the book of a home, until `close`.

    Raises:
        WarehouseBusyError: Another process holds it; the message names it.
        InputError: The host is not paper, or a key is missing; the message names the remedy.
    """
    broker = config.broker
    with ExitStack() as held:
        client = AlpacaPaper(broker.base_url, vendor_keys(), broker.timeout_seconds)
        held.callback(client.close)
        held.enter_context(home_lock(home / LOCK_FOLDER))
        trail, why = WarehouseTrail(warehouse), partial(kill_reason, home)
        rules, retries = rules_of(config), broker.max_retries
        return PaperBook(client, trail, rules, retries, why, held.pop_all().close)


def stop_trading(
    home: Path,
    reason: str,
    load: Callable[[], PipelineConfig],
    say: Callable[[str], None],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Pull the kill switch, and see to it that own orders end and own positions close.

    The switch lies there before anything else is tried. A scanner that runs does the rest itself
    at its next look; else it is done here.

    Args:
        home: The home.
        reason: Kept in the switch and in the trail.
        load: Returns the home's settings; where the broker is off, the switch is all.
        say: Hears what was done, a line at a time.
        clock: Tells the time.
        wait: Waits so many seconds between looks.

    Raises:
        InputError: The switch cannot be written, or no broker can be reached for want of settings,
            keys or a paper host.
    """
    path = pull_kill_switch(home, reason)
    say(f"kill switch: {path} lies there, and nothing is opened until it is lifted")
    config = load()
    if not is_traded(config, LIVE):
        say("broker.enabled is false: no broker was asked for anything")
        return
    try:
        book = open_paper_book(config, home, open_home(home, WAIT_SECONDS))
    except WarehouseBusyError as error:
        say(f"the scanner that runs closes what is open: {error}")
        return
    for n in range(STOP_TICKS):
        if n:
            wait(config.scan.poll_seconds)
        book.tick(clock())
        if book.is_settled and not book.book.unfinished():
            break
    for line in book.lines():
        say(line)
    book.close(clock())


def switch(
    home: Path, kill: str | None, load: Callable[[], PipelineConfig], say: Callable[[str], None]
) -> None:
    """Pull the kill switch with a reason, or lift it where none is given."""
    if kill is not None:
        stop_trading(home, kill, load, say)
    elif lift_kill_switch(home):
        say("the kill switch is lifted: paper trading goes on at the scanner's next look")
    else:
        say("no kill switch lay there")
