"""Profit after costs."""
