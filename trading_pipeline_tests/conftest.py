"""Rules for every test."""

import pytest
from hypothesis import settings

# Machines are shared: an example that is slow once, such as one that imports, is no failure.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture(autouse=True)
def only_what_is_installed(request):
    """Skip what needs an extra that is absent."""
    called = getattr(request.node, "callspec", None)
    if called and any(isinstance(v, str) and v == "gru" for v in called.params.values()):
        pytest.importorskip("torch", reason="PyTorch is not installed: the extra `deep`")
