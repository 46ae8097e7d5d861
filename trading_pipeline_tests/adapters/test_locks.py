"""One run per home, and whoever comes second is told who is first."""

import os

import pytest

from trading_pipeline.adapters.locks import home_lock
from trading_pipeline.contracts.errors import InputError, WarehouseBusyError
from trading_pipeline_tests.adapters.conftest import second_process

HOLD = """
import sys, time
from pathlib import Path
from trading_pipeline.adapters.locks import home_lock
sys.argv = ["trading-pipeline", "run"]
with home_lock(Path({home!r})):
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_second_run_is_told_at_once_who_holds_the_home(tmp_path):
    with second_process(HOLD.format(home=str(tmp_path))) as holder:
        with pytest.raises(WarehouseBusyError) as caught, home_lock(tmp_path):
            pass
        assert f"process {holder.pid} (trading-pipeline run, since 20" in str(caught.value)
        assert "--home" in str(caught.value)


def test_the_lock_dies_with_its_process(tmp_path):
    with second_process(HOLD.format(home=str(tmp_path))):
        pass
    with home_lock(tmp_path) as path:
        assert path.read_text().splitlines()[0] == str(os.getpid())
    with home_lock(tmp_path):
        pass


def test_a_home_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    refused = pytest.raises(InputError, match=r"file/home cannot be written")
    with refused, home_lock(tmp_path / "file" / "home"):
        pass
