"""The truth suite: markets whose answer is known, through the whole training path."""
