"""Latency of an alert: from the arrival of a minute's bars to its row, a whole session of symbols.

`python -m trading_pipeline_tests.bench.bench_scan [500]`, on one core; storing is timed apart.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.automation.scan_loop import no_long_pauses
from trading_pipeline.domain.selloffs.alerts import NoModel
from trading_pipeline_tests.bench.measured import Measured
from trading_pipeline_tests.domain.scan_session import scanner_of, session_minutes


def scan_latencies(n_symbols=500, speaker=None):
    """Return milliseconds by minute of judging and of storing, and the number of alerts."""
    minutes = session_minutes(n_symbols, volatility=1.1e-3)
    batches = [(now, part) for now, part in minutes.groupby("closes_at")]
    scanner = scanner_of(n_symbols, speaker=speaker or NoModel())
    judged, worked, stored, told, n_alerts = [], [], [], [], 0
    with tempfile.TemporaryDirectory(prefix="trading-pipeline-bench-") as name:
        warehouse = Warehouse(Path(name), threads=1)
        warehouse.migrate()
        for now, part in kept_from_pauses(batches):
            began, begun = time.perf_counter(), time.process_time()
            alerts = scanner.advance(part, now)
            judged.append(1000 * (time.perf_counter() - began))
            worked.append(1000 * (time.process_time() - begun))
            if alerts.empty:
                continue
            n_alerts += len(alerts)
            told.append(judged[-1])
            rows = alerts.assign(alerted_at=pd.Timestamp(now), latency_ms=judged[-1])
            began = time.perf_counter()
            warehouse.append("selloffs.alerts", rows)
            stored.append(1000 * (time.perf_counter() - began))
    return {
        "minutes": np.array(judged),
        "minutes, CPU": np.array(worked),
        "minutes with alerts": np.array(told),
        "storing": np.array(stored),
    }, n_alerts


def scan_measured(n_symbols=500):
    """Return the lines of a scan: bars judged, and alerts stored, in one session."""
    figures, n_alerts = scan_latencies(n_symbols)
    judging, slowest = figures["minutes, CPU"], figures["minutes"].max()
    work = f"{n_symbols} symbols, {n_alerts} alerts, slowest minute {slowest:.0f} ms; bars judged"
    storing = len(figures["storing"]), float(figures["storing"].sum()) / 1000
    return [
        Measured("scan", work, n_symbols * len(judging), float(judging.sum()) / 1000),
        Measured("scan", "minutes with alerts stored, wall seconds", *storing),
    ]


def kept_from_pauses(batches):
    """Give the batches as a scan's loop takes them."""
    with no_long_pauses():
        yield from batches


def main(n_symbols):
    """Print the figures."""
    figures, n_alerts = scan_latencies(n_symbols)
    print(f"{n_symbols} symbols, {n_alerts} alerts, one session")
    for name, values in figures.items():
        p50, p99 = np.quantile(values, [0.5, 0.99])
        print(f"{name:20} {len(values):5} p50 {p50:7.1f} p99 {p99:7.1f} max {values.max():7.1f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
