"""The stack, its calibration and its scores."""
