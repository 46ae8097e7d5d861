"""Data vendors over HTTP: their calls and answers, and the engine that fetches and keeps them."""

from collections.abc import Mapping

from trading_pipeline.adapters.vendors.alpaca import Alpaca
from trading_pipeline.adapters.vendors.cboe import Cboe
from trading_pipeline.adapters.vendors.fred import Fred
from trading_pipeline.adapters.vendors.massive import Massive
from trading_pipeline.contracts.data_config import VendorsConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.vendors import Vendor

VENDORS = ("alpaca", "massive", "fred", "cboe")


def vendor_of(name: str, config: VendorsConfig, keys: Mapping[str, str]) -> Vendor:
    """Return a vendor by name; `keys` holds the environment's variables.

    Raises:
        InputError: No vendor of this name. A missing key shows when it is first needed.
    """
    if name == "alpaca":
        return Alpaca(config.alpaca, keys)
    if name == "massive":
        return Massive(config.massive, keys)
    if name == "fred":
        return Fred(config.fred, keys, config.macro_vintages)
    if name == "cboe":
        return Cboe(config.cboe)
    raise InputError(f"no vendor {name!r}; choose among {', '.join(VENDORS)}")
