"""Which labels may train and which test."""
