"""A whole quick run in a process of its own: wall and CPU seconds, rows, peak memory."""

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WholeRun:
    """What one run cost."""

    n_rows: int
    wall_seconds: float
    cpu_seconds: float
    peak_gigabytes: float
    stages: dict[str, float]


def whole_run(market, folder, min_symbols):
    """Run `trading-pipeline run --profile quick` on a market folder; raise where it fails.

    The peak is that of the largest process of the run, as the kernel counts it.
    """
    out = folder / "out.json"
    command = [sys.executable, "-m", "trading_pipeline.cli", "run", "--profile", "quick"]
    command += ["--data", str(market), "--home", str(folder / "home"), "--json", str(out)]
    environment = {
        **os.environ,
        "TRADING_PIPELINE_TRACKING__ENABLED": "false",
        "TRADING_PIPELINE_LABELS__MIN_SYMBOLS": str(min_symbols),
    }
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    result = json.loads(out.read_text(encoding="utf-8"))
    stages = {stage["stage"]: stage["seconds"] for stage in result["stages"]}
    return WholeRun(result["data"]["daily_rows"], wall, spent, after.ru_maxrss * 1024 / 1e9, stages)
