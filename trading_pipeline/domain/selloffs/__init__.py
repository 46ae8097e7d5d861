"""Selloffs: intraday falls, what was known of them, what followed, and who says which reverse."""
