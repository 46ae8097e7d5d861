"""Intraday falls."""
