"""What the models are asked to foresee."""
