"""What was known, when."""
