"""The truth suite from end to end, on few and small markets; the quick one under `long`."""

import json

import pytest
from rich.console import Console
from typer.testing import CliRunner

from trading_pipeline.adapters.market_writer import market_tables, write_market_folder
from trading_pipeline.cli import app
from trading_pipeline.commands import truth, truth_market
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.simulation.market import simulate_market
from trading_pipeline.domain.truth.suite import simulation_of, suite_tasks
from trading_pipeline.settings import load_settings

CONSOLE = Console(quiet=True)


@pytest.mark.long
@pytest.mark.xdist_group("truth")
def test_the_micro_suite_finds_what_is_planted_and_is_not_run_twice(tmp_path, monkeypatch):
    settings = load_settings()
    arguments = (CONSOLE, tmp_path, settings, "micro", None, None, tmp_path / "truth.json", 1)
    assert truth.prove_truth(*arguments)
    found = json.loads((tmp_path / "truth.json").read_text())
    bars = {bar["name"]: bar for bar in found["bars"]}
    assert bars["linear 0.80: lowest AUC interval is above 0.5"]["is_met"]
    assert bars["linear 0.80: recovered share"]["value"] > 0.5
    assert bars["null: mean AUC"]["n"] == 2
    assert len(found["markets"]) == len(suite_tasks("micro"))

    def refuse(*_args, **_kwargs):
        raise AssertionError("a kept market was run again")

    monkeypatch.setattr(truth, "ProcessPoolExecutor", refuse)
    assert truth.prove_truth(*arguments)
    assert json.loads((tmp_path / "truth.json").read_text()) == found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A market folder and its oracle file, as if made elsewhere."""
    task = next(task for task in suite_tasks("micro") if task.kind == "planted")
    made = simulate_market(simulation_of(task, load_settings().source.simulation))
    path = tmp_path_factory.mktemp("made") / "market"
    write_market_folder(path, market_tables(made), made.toml)
    made.oracle.to_csv(path.with_name("oracle.csv"), index=False)
    return path


def test_an_oracle_file_may_be_csv_and_is_read_as_scores_by_symbol_and_session(folder):
    oracle = truth_market.read_oracle(folder.with_name("oracle.csv"))
    assert list(oracle.columns) == ["symbol", "session_date", "oracle_score"]
    assert str(oracle["session_date"].dtype) == "datetime64[ns]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("symbol,session_date\nA,2020-01-02\n", "lacks oracle_score"),
        ("symbol,session_date,oracle_score\nA,2020-01-02,high\n", "give dates and numbers"),
        ("symbol,session_date,oracle_score\nA,2020-01-02,1\nA,2020-01-02,2\n", "twice"),
    ],
)
def test_a_wrong_oracle_file_is_refused_with_what_to_do(tmp_path, text, said):
    path = tmp_path / "oracle.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        truth_market.read_oracle(path)


def test_a_folder_without_its_oracle_is_bad_input(tmp_path, folder):
    with pytest.raises(InputError, match="belong together"):
        truth.prove_truth(CONSOLE, tmp_path, load_settings(), "quick", folder, None, None)


@pytest.mark.long
@pytest.mark.xdist_group("truth")
def test_a_folder_made_elsewhere_is_judged_by_its_oracle(tmp_path, folder):
    out = tmp_path / "truth.json"
    oracle = folder.with_name("oracle.csv")
    # Blocks and folds of the micro suite, for a market this short.
    truth.prove_truth(CONSOLE, tmp_path, load_settings(), "micro", folder, oracle, out)
    bar = json.loads(out.read_text())["bars"][0]
    assert bar["is_met"]
    assert bar["required"] == "interval above 0.5"


def test_every_market_of_the_full_suite_is_a_job_of_its_own_with_the_full_search(tmp_path):
    settings = load_settings()
    jobs = truth._jobs(tmp_path, settings, "full", None, None)
    assert len(jobs) == len({job.kept for job in jobs}) == 124 + 40 + 30 + 1
    for job in jobs:
        assert job.config.sweeps.learners == ("lightgbm", "xgboost", "catboost")
        assert (job.config.sweeps.n_trials, job.config.splits.n_folds) == (3, 5)
        made = simulation_of(job.task, job.config.source.simulation)
        assert (made.signal == "none") == (job.task.kind != "planted")
        assert made.n_symbols * made.n_sessions == job.size


@pytest.mark.long
def test_the_quick_suite_misses_no_bar(tmp_path):
    out = tmp_path / "truth.json"
    result = CliRunner().invoke(
        app, ["truth", "--quick", "--home", str(tmp_path), "--json", str(out)]
    )
    assert result.exit_code == 0, result.output
    assert json.loads(out.read_text())["is_met"]


def test_another_feature_module_is_another_job(tmp_path):
    module = tmp_path / "mine.py"
    module.write_text("FEATURES = ()\n")
    config = load_settings(environment={})
    features = config.features.model_copy(update={"module": str(module)})
    config = config.model_copy(update={"features": features})
    before = truth._job(tmp_path, suite_tasks("quick")[0], config).kept
    module.write_text("FEATURES = ()  # changed\n")
    assert truth._job(tmp_path, suite_tasks("quick")[0], config).kept != before
