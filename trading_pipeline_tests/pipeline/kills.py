"""Kills runs at random moments, and looks at what each of them left."""

import random
import time
from dataclasses import dataclass, field

from trading_pipeline_tests.pipeline.homes import start

LONGEST_DELAY_SECONDS = 0.5
N_TABLES = 83


@dataclass
class KillReport:
    """After how many tables each run was killed, and what the last, undisturbed one printed."""

    tables: list[int] = field(default_factory=list)
    output: str = ""


def kill_and_rerun(home, n_kills, seed):
    """Kill a home's run with SIGKILL, again and again, then let it end; return a KillReport.

    Each run dies a random moment after a table; the tables ascend, so that every run computes
    something new before it dies. After each kill every table a reader sees is whole.
    """
    moments = random.Random(seed)
    report = KillReport(sorted(moments.choices(range(N_TABLES - 1), k=n_kills)))
    for n_tables in report.tables:
        run = start(*home.words)
        try:
            seen = 0
            while seen < n_tables:
                line = run.stdout.readline()
                assert line, f"the run ended after {seen} tables, before it could be killed"
                seen += " rows " in line
            time.sleep(moments.uniform(0, LONGEST_DELAY_SECONDS))
            assert run.poll() is None, "the run ended before it could be killed"
        finally:
            run.kill()
            run.communicate()
        if home.warehouse.path.exists():
            home.assert_readers_see_the_ledger()
    report.output = home.run()
    return report
