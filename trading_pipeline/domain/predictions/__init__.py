"""Predictions stage: what the models in service say after each close."""
