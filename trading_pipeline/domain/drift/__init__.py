"""How far live features have moved from the training window, and when that asks for a retrain."""
