"""Notification over real sockets: who is told what, and that a broken channel stops nothing."""

import json
import logging
import socket
import socketserver
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.adapters.notify import Notifier
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.settings import load_settings, smtp_password

QUIET = load_settings(environment={}).scan.notify.model_copy(
    update={"log": False, "timeout_seconds": 1.0}
)


def alerts(**changes):
    """Return three rows: two alerts of different tiers, one withheld."""
    rows = pd.DataFrame(
        {
            "alert_id": ["a", "b", "c"],
            "mode": "live",
            "symbol": ["AAA", "BBB", "CCC"],
            "session_date": pd.Timestamp("2024-03-05"),
            "rung": [0.02, 0.03, 0.05],
            "detected_at": pd.Timestamp("2024-03-05 15:42", tz="UTC"),
            "close": [98.0, 97.0, 95.0],
            "drop_frac": [-0.021, -0.031, -0.052],
            "status": ["alert", "alert", "withheld"],
            "probability": [0.61, np.nan, 0.9],
            "expected_r": [0.22, np.nan, 0.8],
            "risk_tier": [1.0, 0.0, 0.0],
            "rank": [1, 2, 3],
            "stop_price": [97.0, 96.0, 94.0],
            "target_price": [99.0, 98.5, 97.5],
            "shares": [100.0, 0.0, 0.0],
            "model_version": "m1",
            "reasons_json": "[]",
        }
    )
    return rows.assign(**changes)


@contextmanager
def web_server(status=200, wait=0.0):
    """Serve POSTs on loopback; yields the address and the bodies that came."""
    bodies = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            time.sleep(wait)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hook", bodies
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def mail_server():
    """Serve SMTP without TLS on loopback; yields the port and the lines that came."""
    lines = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 made\r\n")
            is_data = False
            for raw in self.rfile:
                line = raw.decode().rstrip("\r\n")
                lines.append(line)
                if is_data and line != ".":
                    continue
                if line.upper() == "DATA":
                    is_data = True
                    answer = "354 go on"
                else:
                    is_data, answer = False, "221 bye" if line.upper() == "QUIT" else "250 made"
                self.wfile.write(f"{answer}\r\n".encode())
                if line.upper() == "QUIT":
                    return

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.server_address[1], lines
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def told(config, rows=None, password=""):
    """Return the notifier after it has told of the rows."""
    with Notifier(config, password) as notifier:
        notifier.send(alerts() if rows is None else rows)
    return notifier


def test_a_webhook_gets_the_alerts_as_json_and_nothing_that_was_withheld():
    with web_server() as (url, bodies):
        notifier = told(QUIET.model_copy(update={"webhook_url": url}))
    assert notifier.n_sent == 2
    assert notifier.n_failed == 0
    (body,) = bodies
    first, second = body["alerts"]
    assert (first["symbol"], first["probability"], first["shares"]) == ("AAA", 0.61, 100.0)
    assert first["detected_at"] == "2024-03-05T15:42:00+00:00"
    assert second["probability"] is None


def test_only_alerts_from_the_least_tier_on_are_told():
    with web_server() as (url, bodies):
        told(QUIET.model_copy(update={"webhook_url": url, "min_risk_tier": 0.25}))
        told(QUIET.model_copy(update={"webhook_url": url}), alerts(status="withheld"))
    assert [[each["symbol"] for each in body["alerts"]] for body in bodies] == [["AAA"]]


@pytest.mark.parametrize("fault", ["refused", "500", "slow"])
def test_a_webhook_that_fails_is_told_and_the_mail_goes_out_all_the_same(fault):
    with web_server(500 if fault == "500" else 200, 2.0 if fault == "slow" else 0.0) as (url, _):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            nobody = f"http://127.0.0.1:{free.getsockname()[1]}/secret-token"
        with mail_server() as (port, lines):
            notifier = told(
                QUIET.model_copy(
                    update={
                        "webhook_url": nobody if fault == "refused" else url,
                        "email_to": ("trader@example.com",),
                        "email_from": "scan@example.com",
                        "smtp_host": "127.0.0.1",
                        "smtp_port": port,
                        "timeout_seconds": 0.5,
                    }
                )
            )
    assert notifier.n_failed == 2
    assert any(line.startswith("webhook failed") for line in notifier.told)
    assert not any("secret-token" in line for line in notifier.told)
    assert notifier.n_sent == 2
    assert "Subject: Selloff: AAA 2%, BBB 3%" in lines
    assert any("AAA fell 2.1% (rung 2%)" in line for line in lines)


def test_a_password_is_never_sent_over_a_connection_in_the_clear():
    mail = {
        "email_to": ("trader@example.com",),
        "email_from": "scan@example.com",
        "smtp_host": "127.0.0.1",
    }
    with mail_server() as (port, lines):
        notifier = told(QUIET.model_copy(update=mail | {"smtp_port": port}), password="hunter22")
    assert notifier.n_failed == 2
    assert "TLS" in notifier.told[-1]
    assert not any("AUTH" in line or "hunter22" in line for line in lines)


def test_sending_returns_at_once_however_slow_the_server_is():
    with (
        web_server(wait=0.4) as (url, _),
        Notifier(QUIET.model_copy(update={"webhook_url": url})) as notifier,
    ):
        began = time.perf_counter()
        notifier.send(alerts())
        assert time.perf_counter() - began < 0.2


def test_the_log_names_each_alert_with_its_numbers(caplog):
    with caplog.at_level(logging.INFO, "trading_pipeline.alerts"):
        told(QUIET.model_copy(update={"log": True}))
    assert "10:42 New York: AAA fell 2.1%" in caplog.text
    assert "probability 0.61, expected +0.22 R, tier 1" in caplog.text
    assert "BBB fell 3.1% (rung 3%), close 97.00; no model in service" in caplog.text


def test_half_an_address_is_refused_before_the_scan_begins():
    with pytest.raises(InputError, match="smtp_host"):
        Notifier(QUIET.model_copy(update={"email_to": ("a@example.com",)}))
    with pytest.raises(InputError, match="http"):
        Notifier(QUIET.model_copy(update={"webhook_url": "ftp://example.com"}))


def test_the_mail_password_comes_from_the_environment_and_is_no_setting(monkeypatch):
    monkeypatch.setenv("TRADING_PIPELINE_SMTP_PASSWORD", "hunter22")
    assert smtp_password() == "hunter22"
    assert "hunter22" not in load_settings().model_dump_json()
