"""`doctor --leaks`: what it says of the program, and of a user's own module."""

import json

import pytest
from typer.testing import CliRunner

from trading_pipeline import cli
from trading_pipeline.contracts.errors import InputError

LEAKY = """
import pandas as pd

from trading_pipeline.domain.features.registry import Feature


def compute(panel):
    close = pd.Series(panel["close"]).groupby(panel.code)
    return (close.shift(-2) / panel["close"] - 1).to_numpy()


FEATURES = (
    Feature(
        name="my_feature", family="own", formula="a ratio of closes", unit="frac",
        lookback_sessions=1, inputs=("close",), source="mine", compute=compute,
    ),
)
"""


def doctor(*words):
    return CliRunner().invoke(cli.app, ["doctor", "--leaks", *words])


def test_a_module_that_is_not_there_is_refused(tmp_path):
    done = doctor("--features", str(tmp_path / "gone.py"))
    assert isinstance(done.exception, InputError)
    assert "gone.py" in str(done.exception)


@pytest.mark.long
def test_the_program_leaks_nothing_and_catches_every_planted_leak(tmp_path):
    target = tmp_path / "leaks.json"
    done = doctor("--json", str(target))
    assert done.exit_code == 0, done.output
    record = json.loads(target.read_text())
    assert record["is_well"]
    assert len(record["planted"]) == 22
    assert all(leak["is_caught"] for leak in record["planted"])
    assert record["findings"] == []


@pytest.mark.long
def test_a_leaky_module_ends_with_exit_code_1_and_a_sentence_that_names_it(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(LEAKY)
    target = tmp_path / "leaks.json"
    done = doctor("--features", str(path), "--json", str(target))
    assert done.exit_code == 1
    [finding] = json.loads(target.read_text())["findings"]
    assert finding["subject"] == "my_feature"
    assert "at least 2 sessions ahead" in finding["how"]
    assert "`my_feature` leaks" in done.output
