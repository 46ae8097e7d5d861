"""The outside world: warehouse, lake, market folders, MLflow, model files."""
