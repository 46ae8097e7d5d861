"""One command turns bars into a judged model, says so in JSON, and repeats itself exactly."""

import json

import dagster as dg
import pytest

from trading_pipeline.automation.launch import open_instance
from trading_pipeline.contracts.steps import STEPS
from trading_pipeline.contracts.vocabulary import BASELINES, REGIMES, STAGES, UNKNOWN_REGIME
from trading_pipeline.definitions import build_definitions
from trading_pipeline.settings import top_level_file
from trading_pipeline_tests.pipeline.homes import call, computed_tables, reused_tables

# One worker: the tests share what is dear to make.
pytestmark = pytest.mark.xdist_group("one home")

NUMBER = (int, float)
HOLDOUT = ("auc", "auc_low", "auc_high", "rank_ic", "sharpe_net")
# The figures that only an outcome model of the selloffs can give.
SELLOFF_MODEL = ("base_rate", "accuracy", "majority_accuracy", "auc", "baseline_r", "model_r")
N_TABLES = 83


@pytest.fixture(scope="module")
def result(finished):
    return finished.result


@pytest.fixture(scope="module")
def instance(finished):
    instance = open_instance(finished.path, top_level_file("dagster.yaml"))
    yield instance
    instance.dispose()


@pytest.fixture(scope="module")
def definitions(finished):
    return build_definitions(finished.path)


def report_of(home, result):
    path = home.path / "reports" / result["report"].rpartition("/")[2]
    return path.read_text(encoding="utf-8")


def test_the_first_run_computes_every_table(first_runs):
    assert len(computed_tables(first_runs[1])) == N_TABLES


def test_the_json_names_the_run_and_what_it_read(result, finished):
    assert (result["source"], result["profile"]) == ("files", "quick")
    assert result["home"] == str(finished.path)
    data = result["data"]
    assert data["symbols"] == 11
    assert data["first_session"] < data["last_session"]
    assert data["daily_rows"] > 4000
    assert data["minute_rows"] > 0
    assert data["quarantined_rows"] == 0


def test_the_json_has_every_stage_in_order_with_rows_and_seconds(result):
    assert [row["stage"] for row in result["stages"]] == list(STAGES)
    assert all(isinstance(row["rows"], int) and row["seconds"] >= 0 for row in result["stages"])
    assert sum(row["rows"] for row in result["stages"]) > 10_000


def test_the_json_counts_regimes_archive_and_features(result):
    assert set(result["regimes"]) == {*REGIMES, UNKNOWN_REGIME}
    assert sum(result["regimes"].values()) == 400
    assert result["archive"]["events"] == 8
    assert 0 < result["archive"]["events_with_samples"] <= 8
    assert result["archive"]["samples"] > 0
    assert result["features"]["n_catalog"] >= 60
    assert 0 < result["features"]["n_selected"] <= 20


def test_the_json_scores_the_hold_out_with_its_interval(result):
    holdout = result["holdout"]
    assert all(isinstance(holdout[name], NUMBER) for name in HOLDOUT)
    assert 0 <= holdout["auc_low"] <= holdout["auc"] <= holdout["auc_high"] <= 1
    assert holdout["rows"] > 0
    assert holdout["first_session"] <= holdout["last_session"]
    assert set(holdout["by_regime"]) <= {*REGIMES, UNKNOWN_REGIME}
    assert set(holdout["baselines"]) == set(BASELINES)
    for score in holdout["baselines"].values():
        assert set(score["by_regime"]) == set(holdout["by_regime"])


def test_explanations_and_validation_by_regime_leave_the_hold_out_closed(finished, definitions):
    read = finished.warehouse.read
    assert read("select count(*) as n from splits.holdout_reads")["n"].tolist() == [1]
    sets = read("select learner, count(*) as n from ensemble.validation group by learner")
    judged = read("select distinct learner from ensemble.oof")["learner"]
    assert set(sets["learner"]) == set(judged)
    assert (sets["n"] == len(REGIMES)).all()
    crash = read("select events from ensemble.validation where regime = 'crash'")
    assert set(crash["events"]) == {"financial_crisis_2008"}
    explained = read("select distinct learner from ensemble.explanations")["learner"]
    assert "mean" in set(explained)
    graph = definitions.resolve_job_def("weekly_retrain").asset_layer.asset_graph
    effects = read("select switch, regime from ensemble.effects")
    # One block is predicted out of fold here: there is no second level to compare.
    assert set(effects["switch"]) == {"balance"}
    for name in ("explanations", "validation", "effects"):
        key = dg.AssetKey(["ensemble", name])
        assert dg.AssetKey(["ensemble", "holdout"]) not in graph.get_ancestor_asset_keys(key)


def test_the_json_tells_profit_after_costs_and_the_verdict_with_reasons(result):
    backtest, gate = result["backtest"], result["gate"]
    assert backtest["trades"] > 0
    fields = ("net_return_frac", "sharpe_net", "max_drawdown_frac", "cost_frac")
    assert all(isinstance(backtest[name], NUMBER) for name in fields)
    assert backtest["cost_frac"] > 0
    assert backtest["max_drawdown_frac"] <= 0
    assert gate["verdict"] in ("promoted", "rejected", "undecided")
    assert gate["reasons"]


def test_the_json_says_what_had_no_input(result):
    assert result["selloffs"]["events"] > 0
    assert all(result["selloffs"][name] is None for name in SELLOFF_MODEL)
    assert any(note.startswith("selloffs:") for note in result["notes"])
    assert set(result["model"]) == {"name", "version", "mlflow_run_id"}
    assert result["model"]["version"]
    assert any(note.startswith("mlflow: disabled") for note in result["notes"])


def test_the_report_lies_in_the_home_and_needs_no_network(result, finished):
    text = report_of(finished, result)
    assert len(text) < 3_000_000
    assert "simulated" in text
    assert 'src="http' not in text


def test_every_asset_is_described_and_shows_what_a_person_can_use(definitions, instance, result):
    graph = definitions.resolve_job_def("weekly_retrain").asset_layer.asset_graph
    assert len(graph.materializable_asset_keys) == N_TABLES
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert node.description, key
        assert node.group_name == key.path[0]
        assert node.kinds, key
        event = instance.get_latest_materialization_event(key)
        shown = event.asset_materialization.metadata
        assert event.run_id == result["run_id"]
        assert len(shown) >= 6, (key, shown)
        assert {"rows", "seconds", "preview", "data version"} <= set(shown), key


def test_every_check_ran_and_passed(definitions, instance, result):
    keys = set(
        definitions.resolve_job_def("weekly_retrain").asset_layer.asset_graph.asset_check_keys
    )
    logs = instance.all_logs(result["run_id"], of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    judged = [log.dagster_event.asset_check_evaluation_data for log in logs]
    assert {evaluation.asset_check_key for evaluation in judged} == keys
    assert len(keys) > 40
    assert all(evaluation.passed for evaluation in judged)


def test_the_settings_are_stored_with_the_run(finished, instance, result):
    run = instance.get_run_by_id(result["run_id"])
    version = run.tags["trading_pipeline/config_version"]
    stored = finished.warehouse.read("select * from provenance.settings")
    assert stored["config_version"].tolist() == [version]
    written = finished.warehouse.materializations().values()
    assert {row.config_version for row in written} == {version}
    assert {row.run_id for row in written} == {result["run_id"]}


def test_the_judged_model_said_of_its_hold_out_what_the_gate_judged(finished):
    both = finished.warehouse.read(
        "select live.probability, live.is_backfilled, live.regime, holdout.regime as judged_regime,"
        " holdout.probability as judged, resolved.label, holdout.label as judged_label,"
        " resolved.excess_return_frac - holdout.excess_return_frac as gap"
        " from ensemble.holdout as holdout"
        " join predictions.live as live using (symbol, session_date)"
        " join outcomes.resolved as resolved using (prediction_id)"
        " where holdout.learner = 'stack' and live.model_version like 'judged-%'"
    )
    held = finished.warehouse.read(
        "select count(*) as n from ensemble.holdout where learner = 'stack'"
    )
    assert len(both) == held["n"].iloc[0] > 0
    assert abs(both["probability"] - both["judged"]).max() < 1e-12
    assert (both["regime"] == both["judged_regime"]).all()
    assert (both["label"] == both["judged_label"]).all()
    assert abs(both["gap"]).max() < 1e-12


def test_the_newest_session_is_said_by_the_refit_and_open_spans_have_no_outcome(finished):
    newest = finished.warehouse.read(
        "select role, model_version, is_backfilled, count(*) as n from predictions.live"
        " where session = (select max(session) from bars.daily)"
        " and model_version in (select model_version from ensemble.deployed) group by all"
    )
    listed = finished.warehouse.read(
        "select count(*) as n from bars.daily join bars.universe using (symbol)"
        " where kind = 'equity' and session = (select max(session) from bars.daily)"
    )
    n_listed = listed["n"].iloc[0]
    assert newest[["role", "is_backfilled", "n"]].values.tolist() == [["shadow", False, n_listed]]
    told = finished.warehouse.read(
        "select max(end_session) <= (select max(session) from bars.daily) as is_closed"
        " from outcomes.resolved"
    )
    assert told["is_closed"].all()


def test_the_run_takes_twelve_steps_and_examines_the_champion_first(first_runs, result):
    lines = first_runs[1].splitlines()
    first = next(line.split()[1] for line in lines if " rows " in line)
    assert first == "gate.health"
    heard = {line.strip() for line in lines}
    assert {step.words for step in STEPS} <= heard
    steps = result["steps"]
    assert [row["step"] for row in steps] == list(range(1, 13))
    assert sum(row["tables"] for row in steps) == N_TABLES
    assert sum(row["seconds"] for row in steps) > 1


def test_the_run_leaves_a_card_and_its_line_in_the_log(finished, result):
    (card,) = finished.warehouse.read("select * from reports.cards").to_dict("records")
    text = (finished.path / card["path"]).read_text(encoding="utf-8")
    assert text.startswith(card["card"])
    for told in (result["gate"]["verdict"], "volatility only", "## Known limits", "Rank IC"):
        assert told in text
    for version in (card["config_version"], card["code_version"], result["run_id"]):
        assert version in text
        assert version not in card["card"]
    assert card["path"].rpartition("/")[2] in report_of(finished, result)
    (line,) = finished.warehouse.read(
        "select * from reports.training_log where run_id = $run_id", {"run_id": result["run_id"]}
    ).to_dict("records")
    assert (line["job"], line["state"]) == ("weekly_retrain", "succeeded")
    assert line["n_computed"] == N_TABLES == len(line["computed"].split(", "))
    assert line["seconds"] > 1
    assert line["peak_gb"] > 0.1
    assert line["model_version"] == card["model_version"]


def test_a_dry_run_on_an_unchanged_home_has_nothing_to_do_and_writes_nothing(finished, tmp_path):
    def files():
        found = [path for path in finished.path.rglob("*") if path.is_file()]
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in found}

    before = files()
    words = [word for word in finished.words if word not in ("--json", finished.json_path)]
    out = tmp_path / "dry.json"
    done = call(*words, "--dry-run", "--json", out)
    assert done.returncode == 0, done.stderr
    assert "Nothing to do" in done.stdout
    plan = json.loads(out.read_text())
    assert plan["nothing_to_do"]
    assert {row["state"] for row in plan["tables"]} == {"up to date"}
    assert len(plan["tables"]) == N_TABLES
    again = call("retrain", "--dry-run", "--home", finished.path)
    assert "Nothing to do" in again.stdout, again.stdout + again.stderr
    assert files() == before


def test_a_second_run_with_nothing_changed_computes_nothing(finished):
    logged = finished.warehouse.read("select count(*) as n from reports.training_log")["n"]
    before = finished.contents(), finished.contents(with_provenance=True)
    ledger = finished.warehouse.read("select count(*) as n from provenance.materializations")
    output = finished.run()
    assert computed_tables(output) == set()
    assert len(reused_tables(output)) == N_TABLES
    assert (finished.contents(), finished.contents(with_provenance=True)) == before
    after = finished.warehouse.read("select count(*) as n from provenance.materializations")
    assert after["n"].tolist() == ledger["n"].tolist()
    log = finished.warehouse.read("select n_computed from reports.training_log order by started_at")
    assert len(log) == logged.iloc[0] + 1
    assert log["n_computed"].iloc[-1] == 0
