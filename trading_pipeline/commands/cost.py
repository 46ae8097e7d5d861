"""What a command spent: CPU seconds by part, kernels compiled or loaded, peak memory."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from trading_pipeline.adapters.memory_use import peak_gigabytes


class Cost:
    """Add what each part spent, then print it; parts stand in the order of their first use."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._kernels = ""

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count the CPU seconds of all threads within the block."""
        began = time.process_time()
        yield
        self.add(name, time.process_time() - began)

    def add(self, name: str, seconds: float) -> None:
        """Add CPU seconds to a part."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def add_kernels(self, seconds: float, compiled: bool) -> None:
        """Say what the numba kernels cost before the first row."""
        how = "compiled" if compiled else "loaded from the cache"
        self._kernels = f"kernels {how} in {seconds:.2f} CPU seconds"

    def print(self, console: Console) -> None:
        """Print one line of kernels, where there were any, and one of the parts and the peak."""
        if self._kernels:
            console.print(self._kernels, highlight=False)
        parts = " · ".join(f"{name} {seconds:.2f}" for name, seconds in self.seconds.items())
        total = sum(self.seconds.values())
        console.print(
            f"CPU seconds: {parts} · together {total:.2f}; peak memory {peak_gigabytes():.2f} GB",
            highlight=False,
        )
