"""Scans: which symbols a scan looks at, and the market it looks at them in."""
