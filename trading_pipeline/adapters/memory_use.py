"""How much memory this process has held."""

import resource
import sys


def peak_gigabytes() -> float:
    """Return the largest memory this process has held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
