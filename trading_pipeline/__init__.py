"""A self-maintaining machine-learning pipeline for trading research and paper trading."""

__version__ = "0.1.0"
