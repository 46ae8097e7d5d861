"""Clean bars and the exchange's sessions."""
