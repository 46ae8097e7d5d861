"""How far live data have moved."""
