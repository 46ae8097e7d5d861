"""Asks a vendor: one GET at a time, patient with faults, within every limit, silent about keys."""

import logging
import math
import random
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
import tenacity

from trading_pipeline.adapters.vendors.limits import Clock, Deadline, RateLimiter
from trading_pipeline.contracts.data_config import VendorsConfig
from trading_pipeline.contracts.errors import (
    InputError,
    VendorAnswerError,
    VendorDeadlineError,
    VendorError,
)
from trading_pipeline.contracts.vendors import Call, Vendor

T = TypeVar("T")

MAX_BODY_BYTES = 256 * 1024 * 1024
# Where no connection was ever made, the network is missing more often than the vendor.
UNREACHED_ATTEMPTS = 4
_PASSING = frozenset((408, 425, 429))
_HIDDEN = "[key]"
_SHOWN_CHARACTERS = 300

# httpx logs whole addresses at INFO, and some vendors want the key in the address.
logging.getLogger("httpx").addFilter(lambda record: record.levelno > logging.INFO)


class VendorRefusedError(VendorAnswerError):
    """The vendor understood the call and will not serve it; asking again is of no use."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A usable answer: its status and body, what was read from it, and when it came."""

    status: int
    body: bytes
    content: T
    fetched_at: datetime


class _TryAgainError(Exception):
    """A fault that may pass; `wait` is what the vendor asked for, in seconds."""

    def __init__(
        self,
        reason: str,
        wait: float = 0.0,
        *,
        is_answer: bool = False,
        is_unreached: bool = False,
    ) -> None:
        super().__init__(reason)
        self.wait = wait
        self.is_answer = is_answer
        self.is_unreached = is_unreached


class VendorClient:
    """The connection to one vendor. Keys are added as a request leaves, and appear nowhere else."""

    def __init__(
        self,
        vendor: Vendor,
        patience: VendorsConfig,
        limiter: RateLimiter,
        deadline: Deadline,
        *,
        jitter: random.Random | None = None,
    ) -> None:
        self.vendor = vendor
        self.patience = patience
        self.limiter = limiter
        self.deadline = deadline
        self.clock: Clock = deadline.clock
        self._jitter = jitter or random.Random()
        self._headers = dict(vendor.secrets())
        self._params = dict(vendor.secret_params())
        self._secrets = _forms([*self._headers.values(), *self._params.values()])
        self._http = httpx.Client(
            base_url=vendor.base_url,
            follow_redirects=False,
            verify=_trusted(),
            limits=httpx.Limits(max_connections=1),
        )
        self._was_reached = False
        # The one open connection, for the watch over slow answers.
        self._sockets: list[socket.socket] = []

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def get(self, call: Call, read: Callable[[bytes], T]) -> Answer[T]:
        """Ask until an answer can be read.

        Args:
            call: What to ask; it holds no key.
            read: Makes the content from a body; its VendorAnswerError means "ask again".

        Raises:
            InputError: The key was refused.
            VendorRefusedError: The vendor will not serve the call (other 4xx).
            VendorAnswerError: No answer could be read in `max_attempts`.
            VendorDeadlineError: The next wait would end after the deadline; raised at once.
            VendorError: The vendor gave no answer in `max_attempts`, or could never be reached in
                UNREACHED_ATTEMPTS.
        """
        attempts = tenacity.Retrying(
            stop=self._is_enough,
            wait=self._wait,
            retry=tenacity.retry_if_exception_type(_TryAgainError),
            sleep=lambda seconds: self.deadline.sleep(
                seconds, f"{self._named(call)} is to be asked again after a wait"
            ),
            reraise=True,
        )
        failure: VendorError
        try:
            return attempts(self._once, call, read)
        except _TryAgainError as error:
            is_unreached = error.is_unreached and not self._was_reached
            text = (
                f"{self._named(call)} failed {attempts.statistics['attempt_number']} times, at "
                f"last: {error}; {'check the network and ' if is_unreached else ''}"
                "run it again later to go on from there"
            )
            failure = VendorAnswerError(text) if error.is_answer else VendorError(text)
        raise failure

    def without_keys(self, call: Call) -> Call:
        """Return a call as it may be kept: some vendors hand out links that hold the key."""
        return Call(
            self._clean(call.path),
            tuple(
                (name, value)
                for name, value in call.params
                if name not in self._params and self._clean(value) == value
            ),
        )

    def _once(self, call: Call, read: Callable[[bytes], T]) -> Answer[T]:
        with self.limiter:
            status, headers, body = self._send(call)
        fetched_at = datetime.fromtimestamp(self.clock.wall(), UTC)
        self._judge(call, status, headers, body)
        body = self._clean_bytes(body)
        reason = ""
        try:
            return Answer(status, body, read(body), fetched_at)
        except VendorAnswerError as error:
            reason = self._clean(str(error))
        raise _TryAgainError(reason, is_answer=True)

    def _send(self, call: Call) -> tuple[int, httpx.Headers, bytes]:
        """Return status, headers and whole body, or fail within the time of one request."""
        limit = min(self.patience.timeout_seconds, self.deadline.remaining())
        if limit <= 0:
            raise VendorDeadlineError(
                f"the {self.deadline.seconds:.0f} s set for the fetch are over; run it again to go"
                " on from there, or raise vendors.deadline_seconds"
            )
        reason, is_unreached = "", False
        with self._watched(limit) as watch:
            try:
                with self._http.stream(
                    "GET",
                    call.path,
                    params=[*call.params, *self._params.items()],
                    headers=self._headers,
                    timeout=limit,
                    extensions={"trace": watch.trace},
                ) as response:
                    self._was_reached = True
                    body = bytearray()
                    for chunk in response.iter_bytes():
                        body += chunk
                        if len(body) > MAX_BODY_BYTES:
                            raise VendorRefusedError(
                                f"{self._named(call)} answered more than {MAX_BODY_BYTES} bytes;"
                                " lower the vendor's page_limit"
                            )
                    if not watch.is_over:
                        return response.status_code, response.headers, bytes(body)
            except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as error:
                # The cause is dropped on purpose: it holds the request, and with it the key.
                reason = self._clean(f"{type(error).__name__}: {error}")
                is_unreached = isinstance(error, httpx.ConnectError)
        if watch.is_over:
            reason = f"no whole answer within {limit:.1f} s"
        raise _TryAgainError(reason, is_unreached=is_unreached)

    @contextmanager
    def _watched(self, seconds: float) -> "Iterator[_Watch]":
        """Cut the connection after a time: read time-outs alone never end a trickle."""
        watch = _Watch(self._sockets)
        timer = threading.Timer(seconds, watch.cut)
        timer.daemon = True
        timer.start()
        try:
            yield watch
        finally:
            timer.cancel()

    def _judge(self, call: Call, status: int, headers: httpx.Headers, body: bytes) -> None:
        """Raise what the status means, if it is not 200."""
        if status == 200:
            return
        said = self._clean(body[: 4 * _SHOWN_CHARACTERS].decode("utf-8", "replace"))
        said = " ".join(said.split())[:_SHOWN_CHARACTERS]
        text = f"{self._named(call)} answered {status}: {said or 'no text'}"
        if status in _PASSING or status >= 500:
            raise _TryAgainError(text, self._retry_after(headers))
        if status in (401, 403):
            names = " and ".join(self.vendor.key_variables) or "the account"
            raise InputError(f"{text}; check {names}, and that the plan includes this data")
        if status >= 400:
            raise VendorRefusedError(text)
        if status >= 300:
            raise VendorRefusedError(f"{text} (a redirect is not followed)")
        raise _TryAgainError(text, is_answer=True)

    def _retry_after(self, headers: httpx.Headers) -> float:
        """Return the seconds a vendor asks to wait, given as a number or as a date; else 0."""
        value = headers.get("retry-after", "").strip()
        try:
            seconds = float(value)
        except ValueError:
            try:
                seconds = parsedate_to_datetime(value).timestamp() - self.clock.wall()
            except (TypeError, ValueError, OverflowError):
                return 0.0
        return max(0.0, seconds) if math.isfinite(seconds) else 0.0

    def _is_enough(self, state: tenacity.RetryCallState) -> bool:
        """Return whether a failed call is given up."""
        error = state.outcome.exception() if state.outcome else None
        is_unreached = isinstance(error, _TryAgainError) and error.is_unreached
        most = self.patience.max_attempts
        if is_unreached and not self._was_reached:
            most = min(most, UNREACHED_ATTEMPTS)
        return state.attempt_number >= most

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Return the wait before the next try: doubled each time, jittered, at least as asked."""
        doubled = self.patience.backoff_seconds * 2.0 ** (state.attempt_number - 1)
        top = min(self.patience.max_backoff_seconds, doubled)
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait if isinstance(error, _TryAgainError) else 0.0
        return max(asked, self._jitter.uniform(top / 2, top))

    def _named(self, call: Call) -> str:
        return self._clean(f"{self.vendor.name} {call.path}")

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text

    def _clean_bytes(self, body: bytes) -> bytes:
        for secret in self._secrets:
            body = body.replace(secret.encode(), _HIDDEN.encode())
        return body


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """Return the certificates to trust; reading them takes longer than many a request."""
    return httpx.create_ssl_context()


def _forms(values: list[str]) -> list[str]:
    """Return the ways a key may stand in a text, longest first."""
    bare = {part for value in values for part in (value, value.split()[-1] if value else "")}
    # What is shorter than this is no key, and would be found in prices.
    found = {form for part in bare if len(part) > 5 for form in (part, quote(part, safe=""))}
    return sorted(found, key=lambda form: (-len(form), form))


class _Watch:
    """Times one request, and cuts its connection from another thread."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        self._sockets = sockets
        self.is_over = False

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Note each new connection; httpx calls this as a request goes on."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._sockets[:] = [info["return_value"].get_extra_info("socket")]

    def cut(self) -> None:
        """End whatever the connection does."""
        self.is_over = True
        for opened in self._sockets:
            # Not the method of a TLS socket, which is not made for a second thread.
            with suppress(OSError):
                socket.socket.shutdown(opened, socket.SHUT_RDWR)
