"""`make bench`: rates in rows per CPU second, and what a whole quick run takes.

CPU seconds, not wall, so that a busy machine changes little. Nothing is asserted: read, compare.
"""

import os
import platform
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from trading_pipeline.commands.simulate import write_simulation
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.bench.bench_archive import archive_measured
from trading_pipeline_tests.bench.bench_falls import falls_measured
from trading_pipeline_tests.bench.bench_features import factors_measured, features_measured
from trading_pipeline_tests.bench.bench_intraday import intraday_measured
from trading_pipeline_tests.bench.bench_rule_grid import rule_grid_measured
from trading_pipeline_tests.bench.bench_run import whole_run
from trading_pipeline_tests.bench.bench_scan import scan_measured
from trading_pipeline_tests.bench.bench_stages import stages_measured

MARKET = {
    "n_symbols": 20,
    "n_sessions": 800,
    "signal": "linear",
    "minute_sessions": 10,
    "minute_symbols": 4,
}
MIN_SYMBOLS = 12


def main():
    """Print the two tables."""
    # A pipe has no width of its own; the tables need this much.
    console = Console(width=None if sys.stdout.isatty() else 110, soft_wrap=True)
    flags = {"source": {"simulation": MARKET}, "labels": {"min_symbols": MIN_SYMBOLS}}
    config = load_settings(environment={}, flags=flags)
    console.print(f"Python {platform.python_version()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="trading-pipeline-bench-") as name:
        folder = Path(name)
        market = folder / "market"
        write_simulation(console, market, config.source.simulation)
        lines = [*stages_measured(market, config), *features_measured(), *factors_measured()]
        lines += [*intraday_measured(), *archive_measured()]
        lines += [*rule_grid_measured(config), *falls_measured(), *scan_measured()]
        console.print(rates(lines))
        run = whole_run(market, folder, MIN_SYMBOLS)
    console.print(costs(run))


def rates(lines):
    """Return the table of rates."""
    table = Table(title="Rates", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("stage")
    table.add_column("work")
    for name in ("rows", "CPU s", "rows per CPU s", "ratio"):
        table.add_column(name, justify="right")
    for line in lines:
        ratio = f"{line.ratio:.1f} x {line.against}" if line.ratio else ""
        rate = f"{line.rows_per_second:,.0f}"
        table.add_row(
            line.stage, line.work, f"{line.n_rows:,}", f"{line.cpu_seconds:.2f}", rate, ratio
        )
    return table


def costs(run):
    """Return the table of the whole run."""
    table = Table(title="A quick run", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("what")
    table.add_column("value", justify="right")
    table.add_row("daily rows", f"{run.n_rows:,}")
    table.add_row("CPU seconds", f"{run.cpu_seconds:.1f}")
    table.add_row("rows per CPU second", f"{run.n_rows / run.cpu_seconds:,.0f}")
    table.add_row("wall seconds", f"{run.wall_seconds:.1f}")
    table.add_row("peak memory", f"{run.peak_gigabytes:.2f} GB")
    for stage, seconds in run.stages.items():
        table.add_row(f"  {stage}, wall seconds", f"{seconds:.1f}")
    return table


if __name__ == "__main__":
    main()
