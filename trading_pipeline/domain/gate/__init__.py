"""Whether a challenger may be proposed, and who is in service."""
