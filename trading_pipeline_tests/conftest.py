"""Tests that share a finished home stay on one worker; all others spread over both."""

import pytest

ONE_HOME = ("pipeline/",)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if any(folder in item.path.as_posix() for folder in ONE_HOME):
            item.add_marker(pytest.mark.xdist_group("one home"))
