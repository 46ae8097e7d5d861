"""One line of the bench: what was worked on, how many rows, and the CPU seconds it took."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """A piece of work and its cost; `ratio` is its rate against `against` in the same run."""

    stage: str
    work: str
    n_rows: int
    cpu_seconds: float
    ratio: float | None = None
    against: str = ""

    @property
    def rows_per_second(self):
        """Rows per CPU second."""
        return self.n_rows / max(self.cpu_seconds, 1e-9)


def cpu_seconds(work):
    """Return (result, CPU seconds) of one call; all threads of the process count."""
    began = time.process_time()
    result = work()
    return result, time.process_time() - began
