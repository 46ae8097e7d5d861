"""Rare events, sampling and weights."""
