"""The market's state per session."""
