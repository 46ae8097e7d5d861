"""What the predictions would have earned, after costs."""
