"""Reading an answer: JSON and its columns, every value of the type the field must have.

Vendors change their answers without notice, and proxies put their own in between. So nothing is
converted that is not plainly what it should be: a price is a finite JSON number, not a text or a
truth value, an instant is a whole one, a repeated key is refused.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import pandas as pd

from trading_pipeline.adapters.vendors.moments import (
    Instants,
    day_end,
    day_start,
    new_york_midnights,
)
from trading_pipeline.contracts.errors import VendorAnswerError
from trading_pipeline.contracts.vendors import PAGE_COLUMNS, Wanted

Row = dict[str, Any]
Numbers = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]

SHOWN_CHARACTERS = 200
NOT_A_TIME = np.datetime64("NaT", "ns")
# Instants outside these centuries would overflow nanoseconds without notice.
_YEAR = "(?:19|20|21)[0-9]{2}"
_INSTANT = re.compile(
    f"{_YEAR}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?:[.][0-9]{{1,9}})?Z"
)
_DATE = re.compile(f"{_YEAR}-[0-9]{{2}}-[0-9]{{2}}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,40}(?:[.][0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?")
_EPOCH_LIMIT_NS = (np.datetime64("1900-01-01", "ns"), np.datetime64("2200-01-01", "ns"))


class Answer:
    """The body of an answer to one call, with what a complaint about it must name."""

    def __init__(self, vendor: str, wanted: Wanted, body: bytes, secrets: Iterable[str]) -> None:
        self.vendor = vendor
        self.wanted = wanted
        self._body = body
        # What is shorter than this is no key, and would be found in prices.
        self._secrets = tuple(secret for secret in secrets if len(secret) > 5)

    def refuse(self, problem: str) -> NoReturn:
        """Raise VendorAnswerError naming vendor, dataset, symbols, problem and the body's start."""
        symbols = ", ".join(self.wanted.symbols[:3]) or "all symbols"
        more = len(self.wanted.symbols) - 3
        if more > 0:
            symbols += f" and {more} more"
        shown = self._without_secrets(self._body.decode("utf-8", errors="replace"))
        raise VendorAnswerError(
            f"{self.vendor} {self.wanted.dataset} of {symbols}, {self.wanted.start} to "
            f"{self.wanted.end}: {_cut(self._without_secrets(problem))}; the body begins "
            f"{_cut(shown)}"
        )

    def text(self) -> str:
        """Return the body as text."""
        try:
            return self._body.decode("utf-8-sig")
        except UnicodeDecodeError:
            self.refuse("the body is no UTF-8 text")

    def document(self) -> Any:
        """Return the body's JSON; NaN, Infinity and repeated keys are refused."""
        text = self.text()
        try:
            return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_repetition)
        except RecursionError:
            self.refuse("the JSON is nested too deeply")
        except (ValueError, OverflowError, MemoryError) as error:
            self.refuse(f"the body is no usable JSON ({error})")

    def mapping(self, value: Any, name: str) -> dict[str, Any]:
        """Return a JSON object."""
        if not isinstance(value, dict):
            self.refuse(f"{name} is {_kind(value)}, not an object")
        return value

    def field(self, value: Mapping[str, Any], name: str) -> Any:
        """Return a member that must be there."""
        if name not in value:
            self.refuse(f"{name} is missing")
        return value[name]

    def rows(self, value: Any, name: str) -> list[Row]:
        """Return a list of JSON objects."""
        if not isinstance(value, list):
            self.refuse(f"{name} is {_kind(value)}, not a list")
        if set(map(type, value)) - {dict}:
            wrong = next(row for row in value if type(row) is not dict)
            self.refuse(f"{name} holds {_kind(wrong)} where an object belongs")
        return value

    def token(self, value: Any, name: str) -> str | None:
        """Return a text that may be null; an empty one is refused, for it would start again."""
        if value is None:
            return None
        if type(value) is not str or not value or not value.isprintable() or not value.isascii():
            self.refuse(f"{name} is {_kind(value)}, not a token")
        return value

    def whole(self, value: Any, name: str) -> int:
        """Return a JSON integer that is not negative and fits 64 bits."""
        if type(value) is not int or not 0 <= value < 2**63:
            self.refuse(f"{name} is {_kind(value)}, not a count")
        return value

    def numbers(self, rows: Sequence[Row], name: str, *, optional: bool = False) -> Numbers:
        """Return a column of finite JSON numbers; where optional, absent or null is NaN."""
        values = [row.get(name) for row in rows]
        if optional:
            values = [np.nan if value is None else value for value in values]
        wrong = set(map(type, values)) - {int, float}
        if wrong:
            first = next(value for value in values if type(value) in wrong)
            self.refuse(f"{name} is {_kind(first)}, not a number")
        try:
            column = np.array(values, dtype="float64")
        except OverflowError:
            self.refuse(f"{name} is too large a number")
        if np.isinf(column).any():
            self.refuse(f"{name} is too large a number")
        return column

    def decimal(self, value: Any, name: str) -> float:
        """Return the number a text holds."""
        number = float(value) if type(value) is str and _DECIMAL.fullmatch(value) else np.nan
        if not np.isfinite(number):
            self.refuse(f"{name} is {_kind(value)}, not a decimal number")
        return number

    def texts(self, rows: Sequence[Row], name: str, *, optional: bool = False) -> Texts:
        """Return a column of texts; where optional, absent, null and empty are None."""
        values = [row.get(name) for row in rows]
        return object_column([self.word(value, name, optional=optional) for value in values])

    def word(self, value: Any, name: str, *, optional: bool = False) -> str | None:
        """Return one text that can be stored; None where it is optional and absent or empty."""
        if optional and (value is None or value == ""):
            return None
        if type(value) is not str or not value:
            self.refuse(f"{name} is {_kind(value)}, not a text")
        if not _is_storable(value):
            self.refuse(f"{name} holds half a surrogate pair")
        return value

    def instants(self, rows: Sequence[Row], name: str, *, optional: bool = False) -> Instants:
        """Return a column of ISO texts in UTC (`Z`) as naive UTC nanoseconds."""
        words = "an instant such as 2024-01-02T14:30:00Z"
        return self._moments(rows, name, _INSTANT, words, optional)

    def dates(self, rows: Sequence[Row], name: str, *, optional: bool = False) -> Instants:
        """Return a column of dates as midnights; where optional, absent or null is NaT."""
        return self._moments(rows, name, _DATE, "a date such as 2024-01-02", optional)

    def epochs(self, rows: Sequence[Row], name: str, unit: str) -> Instants:
        """Return a column of whole `unit`s (ms or ns) since 1970 as naive UTC nanoseconds."""
        values = [row.get(name) for row in rows]
        scale = {"ms": 1_000_000, "ns": 1}[unit]
        low, high = (int(limit.astype("int64")) // scale for limit in _EPOCH_LIMIT_NS)
        for value in values:
            if type(value) is not int or not low <= value < high:
                self.refuse(f"{name} is {_kind(value)}, not an instant in {unit} since 1970")
        return (np.array(values, dtype="int64") * scale).astype("datetime64[ns]")

    def sessions(self, instants: Instants) -> Instants:
        """Return the dates of daily bars, each of which must start at New York midnight."""
        dates, whole = new_york_midnights(instants)
        if not whole.all():
            self.refuse(f"a daily bar starts at {instants[~whole][0]}Z, no New York midnight")
        self._within(dates, pd.Timestamp(self.wanted.start), pd.Timestamp(self.wanted.end), "daily")
        return dates

    def moments_asked(self, instants: Instants, *, whole_minutes: bool) -> Instants:
        """Return the instants, each of which must lie in the wanted New York days."""
        last = day_end(self.wanted.end) - pd.Timedelta(1, "ns")
        self._within(instants, day_start(self.wanted.start), last, self.wanted.dataset)
        odd = instants != instants.astype("datetime64[m]")
        if whole_minutes and odd.any():
            self.refuse(f"a minute bar starts at {instants[odd][0]}Z, within a minute")
        return instants

    def asked(self, symbol: Any) -> str:
        """Return a symbol that was asked for."""
        if type(symbol) is not str or (self.wanted.symbols and symbol not in self.wanted.symbols):
            self.refuse(f"the answer holds {symbol!r}, which was not asked for")
        if not self.wanted.symbols and not (symbol and _is_storable(symbol)):
            self.refuse(f"the answer holds the symbol {symbol!r}")
        return symbol

    def ratio(self, new: Numbers, old: Numbers, name: str) -> Numbers:
        """Return new shares per old; both counts must be positive and their ratio a number."""
        if (new <= 0).any() or (old <= 0).any():
            self.refuse(f"{name}: a count of shares is not positive")
        with np.errstate(over="ignore"):
            ratio = new / old
        if not (np.isfinite(ratio) & (ratio > 0)).all():
            self.refuse(f"{name}: no ratio comes of the counts of shares")
        return ratio

    def page(self, columns: Mapping[str, Any]) -> pd.DataFrame:
        """Return columns of equal length as the rows of the wanted dataset."""
        return pd.DataFrame(dict(columns), columns=list(PAGE_COLUMNS[self.wanted.dataset]))

    def _moments(
        self, rows: Sequence[Row], name: str, form: re.Pattern[str], words: str, optional: bool
    ) -> Instants:
        values = [row.get(name) for row in rows]
        texts = []
        for value in values:
            if optional and value is None:
                texts.append("NaT")
            elif type(value) is str and form.fullmatch(value):
                texts.append(value.removesuffix("Z"))
            else:
                self.refuse(f"{name} is {_kind(value)}, not {words}")
        try:
            return np.array(texts, dtype="datetime64[ns]")
        except ValueError as error:
            self.refuse(f"{name} is no date of the calendar ({error})")

    def _within(
        self, instants: Instants, first: pd.Timestamp, last: pd.Timestamp, what: str
    ) -> None:
        outside = (instants < first.to_datetime64()) | (instants > last.to_datetime64())
        if outside.any():
            first_outside = instants[outside][0]
            self.refuse(f"a row of {what} at {first_outside} lies outside the range asked for")

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            for form in {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]}:
                text = text.replace(form, "***")
        return text


def empty_times(n: int) -> Instants:
    """Return a column of n missing instants."""
    return np.full(n, NOT_A_TIME)


def mentioned(answer: Answer, symbols: Any) -> list[str]:
    """Return the wanted symbols a news item is about, each once; one at least must be wanted."""
    if not isinstance(symbols, list):
        answer.refuse("the symbols of a news item are no list")
    names = [answer.word(symbol, "a symbol of a news item") for symbol in symbols]
    wanted = answer.wanted.symbols
    about = [name for name in dict.fromkeys(names) if name and (not wanted or name in wanted)]
    if wanted and not about:
        answer.refuse("a news item is about none of the symbols asked for")
    return about


def object_column(values: Sequence[Any]) -> Texts:
    """Return values as an object column, also where there are none."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _is_storable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _cut(text: str) -> str:
    shown = text[:SHOWN_CHARACTERS]
    return "".join(character if character.isprintable() else " " for character in shown)


def _kind(value: Any) -> str:
    names = {type(None): "null", bool: "a truth value", dict: "an object", list: "a list"}
    if type(value) in names:
        return names[type(value)]
    try:
        return repr(value)[:40]
    except ValueError:
        return "a huge number"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _no_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is repeated")
    return found
