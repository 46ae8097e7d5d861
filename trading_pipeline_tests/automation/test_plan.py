"""A dry run names what a run would compute and why, by the run's own rules."""

import json
from dataclasses import dataclass

import pytest

from trading_pipeline.assets.table_asset import Staleness
from trading_pipeline.automation.plan import changed_settings, plan_tables
from trading_pipeline.contracts.provenance import Materialization
from trading_pipeline.resources import PEAK_MEMORY, WouldWriteError
from trading_pipeline.settings import load_settings

BEFORE = load_settings(environment={})
AFTER = load_settings(environment={}, flags={"gate": {"min_auc": 0.7}})
TABLES = ("bars.daily", "labels.direction", "gate.verdicts", "reports.runs")
RULES = {
    "bars.daily": Staleness("bars.daily", (), (), lambda run: {"files": run.files()}),
    "labels.direction": Staleness("labels.direction", ("bars.daily",), ("labels",), None),
    "gate.verdicts": Staleness("gate.verdicts", ("labels.direction",), ("gate",), None),
    "reports.runs": Staleness("reports.runs", ("gate.verdicts",), (), None),
}


@dataclass
class Run:
    """The part of a watched run that a plan uses; each table's content is its name."""

    config: object = BEFORE
    code_version: str = "code"
    fetched: str | None = "files"
    asset: str = ""
    asked: set = None

    def files(self):
        if self.fetched is None:
            raise WouldWriteError("asks the vendor for what came since")
        return self.fetched

    def hash(self, name):
        self.asked.add(name)
        return name

    def setting(self, name):
        return getattr(self.config, name).model_dump(mode="json")


def ledger_of(run):
    run.asked = set()
    return {
        table: Materialization(
            table, RULES[table].versions(run)[1], run.code_version, "before", "", 1,
            json.dumps({PEAK_MEMORY: 0.5}), 2.0, "run",
        )
        for table in TABLES
    }  # fmt: skip


LEDGER = ledger_of(Run())


def planned(run, ledger=LEDGER, **more):
    return plan_tables(TABLES, RULES, run, ledger, {"before": BEFORE}, **more)


def states(plans):
    return {plan.table: plan.state for plan in plans}


def test_nothing_is_to_do_where_nothing_changed():
    plans = planned(Run())
    assert set(states(plans).values()) == {"up to date"}
    assert {plan.seconds for plan in plans} == {2.0}
    assert {plan.peak_gb for plan in plans} == {0.5}


def test_a_changed_setting_names_its_table_the_setting_and_what_rests_on_it():
    plans = planned(Run(config=AFTER))
    assert states(plans) == {
        "bars.daily": "up to date",
        "labels.direction": "up to date",
        "gate.verdicts": "compute",
        "reports.runs": "follows",
    }
    by_table = {plan.table: plan.why for plan in plans}
    assert by_table["gate.verdicts"] == "settings: gate.min_auc 0.6 -> 0.7"
    assert by_table["reports.runs"] == "if gate.verdicts changes"


def test_changed_files_are_computed_and_the_rest_follows():
    assert list(states(planned(Run(fetched="other"))).values()) == ["compute"] + ["follows"] * 3


def test_changed_code_computes_everything():
    plans = planned(Run(code_version="other"))
    assert {(plan.state, plan.why) for plan in plans} == {("compute", "code changed")}


def test_a_table_never_computed_is_computed():
    plans = planned(Run(), {k: v for k, v in LEDGER.items() if k != "gate.verdicts"})
    assert states(plans)["gate.verdicts"] == "compute"
    assert states(plans)["reports.runs"] == "follows"
    assert plans[2].seconds is None


def test_a_vendor_is_not_asked():
    plans = planned(Run(fetched=None))
    assert (plans[0].state, plans[0].why) == ("compute", "asks the vendor for what came since")


def test_force_computes_what_is_up_to_date():
    assert set(states(planned(Run(), is_forced=True)).values()) == {"compute"}


@pytest.mark.parametrize("names", [("gate",), ("gate.min_auc",)])
def test_settings_that_changed_are_named_with_both_values(names):
    assert list(changed_settings(BEFORE, AFTER, names)) == ["gate.min_auc 0.6 -> 0.7"]
    assert not list(changed_settings(BEFORE, AFTER, ("labels", "splits")))
