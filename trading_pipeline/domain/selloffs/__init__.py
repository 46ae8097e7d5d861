"""Intraday falls past a rung."""
