"""Notification of alerts: log, webhook and e-mail. A channel that fails is told, and stops nothing.

Alerts are handed to a thread of its own, so that no slow server holds up the scan.
"""

import json
import logging
import queue
import smtplib
import ssl
import threading
from collections import deque
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from typing import Any

import httpx
import pandas as pd

from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.selloffs_config import NotifyConfig

LOG = logging.getLogger("trading_pipeline.alerts")
NEW_YORK = "America/New_York"
N_KEPT = 20
SENT = (
    *("alert_id", "mode", "symbol", "session_date", "rung", "detected_at", "close", "drop_frac"),
    *("probability", "expected_r", "risk_tier", "rank", "stop_price", "target_price", "shares"),
    *("model_version", "reasons_json"),
)


class Notifier:
    """Tells the configured channels of alerts. Use as a context; leaving it waits for the rest."""

    def __init__(self, config: NotifyConfig, smtp_password: str = "") -> None:
        """Raises InputError for an address that cannot be one."""
        self.config = config
        self.n_sent = 0
        self.n_failed = 0
        self.told: deque[str] = deque(maxlen=N_KEPT)
        self._password = smtp_password
        self._channels: dict[str, Callable[[list[dict[str, Any]]], None]] = {}
        if config.log:
            self._channels["log"] = self._to_log
        if config.webhook_url:
            if not config.webhook_url.startswith(("http://", "https://")):
                raise InputError("scan.notify.webhook_url must begin with http:// or https://")
            self._channels["webhook"] = self._to_webhook
        if config.email_to:
            if not (config.smtp_host and config.email_from):
                raise InputError(
                    "scan.notify.email_to needs smtp_host and email_from beside it; set both"
                )
            self._channels["email"] = self._to_email
        self._waiting: queue.Queue[list[dict[str, Any]] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="notify", daemon=True)

    def __enter__(self) -> "Notifier":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.put(None)
        # One last alert on every channel may be under way, and one behind it.
        self._thread.join(timeout=2 * len(self._channels) * self.config.timeout_seconds + 1)

    def send(self, alerts: pd.DataFrame) -> None:
        """Hand over rows of selloffs.alerts; those withheld or below `min_risk_tier` are left."""
        chosen = alerts[
            (alerts["status"] == "alert") & (alerts["risk_tier"] >= self.config.min_risk_tier)
        ]
        if len(chosen) and self._channels:
            self._waiting.put([_message(row) for row in chosen.to_dict("records")])

    def _work(self) -> None:
        while (messages := self._waiting.get()) is not None:
            for name, channel in self._channels.items():
                # Whatever a server or a library does, the scan goes on and says so.
                try:
                    channel(messages)
                except Exception as error:
                    self.n_failed += len(messages)
                    self.told.append(f"{name} failed: {_reason(error)}")
                    LOG.warning("notification by %s failed: %s", name, _reason(error))
                else:
                    self.n_sent += len(messages)
                    self.told.append(f"{name}: {', '.join(_short(each) for each in messages)}")

    def _to_log(self, messages: list[dict[str, Any]]) -> None:
        for each in messages:
            LOG.info("%s", _line(each))

    def _to_webhook(self, messages: list[dict[str, Any]]) -> None:
        answer = httpx.post(
            self.config.webhook_url,
            content=json.dumps({"alerts": messages}).encode(),
            headers={"Content-Type": "application/json"},
            timeout=self.config.timeout_seconds,
            follow_redirects=False,
        )
        if not answer.is_success:
            raise RuntimeError(f"the server answered {answer.status_code}")

    def _to_email(self, messages: list[dict[str, Any]]) -> None:
        mail = EmailMessage()
        mail["Subject"] = "Selloff: " + ", ".join(_short(each) for each in messages)
        mail["From"] = self.config.email_from
        mail["To"] = ", ".join(self.config.email_to)
        mail.set_content("\n".join(_line(each) for each in messages))
        config = self.config
        host, port, patience = config.smtp_host, config.smtp_port, config.timeout_seconds
        with smtplib.SMTP(host, port, timeout=patience) as smtp:
            smtp.ehlo()
            is_secret = smtp.has_extn("starttls")
            if is_secret:
                smtp.starttls(context=ssl.create_default_context())
            if self._password:
                if not is_secret:
                    raise RuntimeError("the mail server offers no TLS: the password is not sent")
                smtp.login(config.email_from, self._password)
            smtp.send_message(mail)


def _message(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return an alert as JSON holds it; times in ISO 8601, missing as null."""
    return {name: _plain(row[name]) for name in SENT}


def _plain(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return None if pd.isna(value) else value


def _short(message: Mapping[str, Any]) -> str:
    return f"{message['symbol']} {message['rung']:.0%}"


def _line(message: Mapping[str, Any]) -> str:
    probability, expected = message["probability"], message["expected_r"]
    at = pd.Timestamp(message["detected_at"]).tz_convert(NEW_YORK)
    said = "no model in service"
    if probability is not None:
        said = f"probability {probability:.2f}"
        if expected is not None:
            said += f", expected {expected:+.2f} R"
    return (
        f"{at:%Y-%m-%d %H:%M} New York: {message['symbol']} fell {-message['drop_frac']:.1%}"
        f" (rung {message['rung']:.0%}), close {message['close']:.2f}; {said},"
        f" tier {message['risk_tier']:g}, stop {message['stop_price']:.2f},"
        f" target {message['target_price']:.2f}, {message['shares']:.0f} shares"
    )


def _reason(error: Exception) -> str:
    """Return what went wrong without an address: a webhook's holds its secret."""
    text = str(error).splitlines()[0] if str(error) else ""
    shown = text if isinstance(error, RuntimeError | smtplib.SMTPException | OSError) else ""
    return f"{type(error).__name__}: {shown}" if shown else type(error).__name__
