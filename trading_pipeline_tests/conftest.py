"""Rules for every test."""

from hypothesis import settings

# Machines are shared: an example that is slow once, such as one that imports, is no failure.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
