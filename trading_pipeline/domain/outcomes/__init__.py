"""Outcomes stage: what followed the predictions, and how good they were by sector and symbol."""
