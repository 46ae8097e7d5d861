"""FRED: observations of macro series, as they stand today or with every vintage's release.

Series are asked for like symbols. Where vintages are asked for, each value comes with the date it
was released; elsewhere `release` is missing, and cleaning takes the lag of the series' spacing.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from trading_pipeline.adapters.vendors.answers import Answer, Row, empty_times, object_column
from trading_pipeline.adapters.vendors.keys import key_of, keys_given
from trading_pipeline.contracts.data_config import VendorConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.vendors import Call, Dataset, Page, Wanted

KEYS: Final = ("FRED_API_KEY",)
PATH = "/fred/series/observations"
MISSING = "."


class Fred:
    """Calls and answers of FRED's series observations."""

    name = "fred"
    key_variables: tuple[str, ...] = KEYS
    datasets: frozenset[Dataset] = frozenset({"macro"})

    def __init__(
        self, config: VendorConfig, keys: Mapping[str, str], vintages: tuple[str, ...] = ()
    ) -> None:
        self.base_url = config.base_url
        self._page_limit = config.page_limit
        self._keys = keys
        self._vintages = vintages

    def secrets(self) -> Mapping[str, str]:
        """Return none: the key stands among the parameters."""
        return {}

    def secret_params(self) -> Mapping[str, str]:
        """Return the key parameter. Raises InputError naming the missing variable."""
        return {"api_key": key_of(self._keys, self.name, KEYS)}

    def first_call(self, wanted: Wanted) -> Call:
        """Return the call for the first page. Raises InputError on anything but one series."""
        if wanted.dataset != "macro":
            raise InputError(f"fred has no {wanted.dataset}; it has macro")
        if len(wanted.symbols) != 1:
            raise InputError(
                f"fred gives one series a call, not {len(wanted.symbols)}; "
                "set vendors.fred.symbols_per_call = 1"
            )
        series = wanted.symbols[0]
        span = (("observation_start", str(wanted.start)), ("observation_end", str(wanted.end)))
        vintages: tuple[tuple[str, str], ...] = ()
        if series in self._vintages:
            # No value is released before the period it describes begins.
            vintages = (("realtime_start", str(wanted.start)), ("realtime_end", "9999-12-31"))
        page = (("sort_order", "asc"), ("limit", str(self._page_limit)), ("offset", "0"))
        asked = (("series_id", series), ("file_type", "json"))
        return Call(PATH, (*asked, *span, *vintages, *page))

    def parse(self, wanted: Wanted, call: Call, body: bytes) -> Page:
        """Read an answer. Raises VendorAnswerError, and nothing else, where it is unusable."""
        answer = Answer(self.name, wanted, body, keys_given(self._keys, KEYS))
        content = answer.mapping(answer.document(), "the answer")
        rows = answer.rows(answer.field(content, "observations"), "observations")
        count = answer.whole(answer.field(content, "count"), "count")
        offset = answer.whole(answer.field(content, "offset"), "offset")
        read = offset + len(rows)
        if offset != int(dict(call.params).get("offset", "0")):
            answer.refuse(f"the answer begins at row {offset}, another was asked for")
        if read > count or (not rows and read < count):
            answer.refuse(f"count is {count}, but rows {offset} to {read} came")
        given: list[Row] = [row for row in rows if row.get("value") != MISSING]
        values = [answer.decimal(row.get("value"), "value") for row in given]
        released = any(name == "realtime_start" for name, _ in call.params)
        n = len(given)
        columns = {
            "series": object_column([wanted.symbols[0]] * n),
            "ts": answer.dates(given, "date"),
            "value": np.array(values, dtype="float64"),
            "release": answer.dates(given, "realtime_start") if released else empty_times(n),
        }
        page = answer.page(columns)
        if read == count:
            return Page(page)
        others = tuple(pair for pair in call.params if pair[0] != "offset")
        return Page(page, Call(call.path, (*others, ("offset", str(read)))))
