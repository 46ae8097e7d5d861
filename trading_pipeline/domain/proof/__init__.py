"""Proof that nothing leaks: trials of every feature and of the training path, and planted leaks."""
