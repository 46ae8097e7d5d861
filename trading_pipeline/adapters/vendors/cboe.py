"""CBOE: the history of the VIX, one public CSV file from 1990 to the last session."""

import csv
import re
from collections.abc import Mapping
from datetime import date
from typing import Final

import numpy as np

from trading_pipeline.adapters.vendors.answers import Answer
from trading_pipeline.contracts.data_config import VendorConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.vendors import Call, Dataset, Page, Wanted

PATH = "/api/global/us_indices/daily_prices/VIX_History.csv"
HEADER: Final = ["DATE", "OPEN", "HIGH", "LOW", "CLOSE"]
_DATE: Final = re.compile(r"([0-9]{2})/([0-9]{2})/((?:19|20|21)[0-9]{2})")


class Cboe:
    """The call and the answer for the VIX file."""

    name = "cboe"
    key_variables: tuple[str, ...] = ()
    datasets: frozenset[Dataset] = frozenset({"vix"})

    def __init__(self, config: VendorConfig) -> None:
        self.base_url = config.base_url

    def secrets(self) -> Mapping[str, str]:
        """Return none: the file is public."""
        return {}

    def secret_params(self) -> Mapping[str, str]:
        """Return none: the file is public."""
        return {}

    def first_call(self, wanted: Wanted) -> Call:
        """Return the call for the whole file. Raises InputError on anything but the VIX."""
        if wanted.dataset != "vix":
            raise InputError(f"cboe has no {wanted.dataset}; it has vix")
        return Call(PATH)

    def parse(self, wanted: Wanted, call: Call, body: bytes) -> Page:
        """Read the file; rows outside the wanted range are left out.

        Raises:
            VendorAnswerError: The body is not that file; the message names the call.
        """
        answer = Answer(self.name, wanted, body, ())
        text = answer.text()
        try:
            lines = [line for line in csv.reader(text.splitlines(), strict=True) if line]
        except csv.Error as error:
            answer.refuse(f"{call.path} is no CSV ({error})")
        if not lines or [name.strip().upper() for name in lines[0]] != HEADER:
            answer.refuse(f"{call.path} does not begin with {','.join(HEADER)}")
        dates: list[date] = []
        values: list[list[float]] = []
        for line in lines[1:]:
            if len(line) != len(HEADER):
                answer.refuse(f"a line has {len(line)} values, not {len(HEADER)}")
            day = _day(answer, line[0].strip())
            prices = [
                answer.decimal(text.strip(), name)
                for name, text in zip(HEADER[1:], line[1:], strict=True)
            ]
            if wanted.start <= day <= wanted.end:
                dates.append(day)
                values.append(prices)
        prices_of_days = np.array(values, dtype="float64").reshape(-1, 4)
        columns = {name.lower(): prices_of_days[:, i] for i, name in enumerate(HEADER[1:])}
        return Page(answer.page({"ts": np.array(dates, dtype="datetime64[ns]"), **columns}))


def _day(answer: Answer, text: str) -> date:
    found = _DATE.fullmatch(text)
    if found is None:
        answer.refuse(f"{text[:40]!r} is no date such as 01/31/2024")
    month, day, year = map(int, found.groups())
    try:
        return date(year, month, day)
    except ValueError:
        answer.refuse(f"{text} is no date of the calendar")
