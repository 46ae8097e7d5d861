"""A thousand scripted days of the paper broker: nothing doubled, lost, unprotected, left open."""

from collections import Counter
from contextlib import suppress
from dataclasses import replace

import pytest

from trading_pipeline.commands.paper_book import PaperBook
from trading_pipeline.contracts.broker import BrokerFaultError
from trading_pipeline.domain.selloffs import manage
from trading_pipeline_tests.adapters.fake_broker import FakeBroker
from trading_pipeline_tests.adapters.paper_scenes import play

N_DEFAULT, N_LONG = 44, 1000
N_LAX, N_MUTANT = 12, 25


@pytest.fixture(scope="module")
def broker():
    with FakeBroker() as running:
        yield running


def problems_of(broker, seeds, **how):
    """Return what went wrong in some days, by seed, and how much happened in them."""
    found, counts = {}, Counter()
    for seed in seeds:
        scene = play(seed, broker, **how)
        counts += scene.counts
        if scene.problems:
            found[seed] = scene.problems[:3]
    return found, counts


def test_scripted_days_double_lose_expose_and_leave_nothing(broker):
    found, counts = problems_of(broker, range(N_DEFAULT))
    assert found == {}
    assert counts["faults"] > 100
    assert counts["kills"] > 10
    assert counts["entries"] > 50


def test_days_of_a_broker_that_lets_ids_repeat_double_nothing(broker):
    found, counts = problems_of(broker, range(N_LAX), is_strict=False)
    assert found == {}
    assert counts["faults"] > 20


@pytest.mark.long
def test_a_thousand_scripted_days_double_lose_expose_and_leave_nothing(broker):
    found, counts = problems_of(broker, range(N_LONG))
    assert found == {}
    assert counts["ticks"] == 20 * N_LONG
    assert problems_of(broker, range(200), is_strict=False)[0] == {}


class SendsBlindly(PaperBook):
    """Takes silence for a no, and sends again at once."""

    def _send(self, action):
        for _ in range(2):
            with suppress(BrokerFaultError):
                return super()._send(action)
        return super()._send(action)


class SendsBeforeItWrites(PaperBook):
    """Tells the trail only what was answered."""

    def _send(self, action):
        self._broker.submit(action.request)
        super()._send(action)


class NeverGoesHome(PaperBook):
    """Forgets the end of the session."""

    def _told_hours(self):
        hours = super()._told_hours()
        return replace(hours, closes_at=hours.closes_at + self._rules.flatten * 3)


@pytest.mark.parametrize(
    ("mutant", "is_strict", "said"),
    [
        (SendsBlindly, False, "doubled order"),
        (SendsBeforeItWrites, False, "doubled order"),
        (NeverGoesHome, True, "left open overnight"),
    ],
)
def test_a_book_with_a_broken_rule_is_caught(broker, mutant, is_strict, said):
    for seed in range(N_MUTANT):
        found, _ = problems_of(broker, [seed], is_strict=is_strict, make_book=mutant)
        if any(said in problem for problems in found.values() for problem in problems):
            return
    pytest.fail(f"{mutant.__name__} came through {N_MUTANT} days")


def test_a_plan_that_leaves_partial_entries_alone_is_caught(broker, monkeypatch):
    monkeypatch.setattr(manage, "_cut_entry", lambda *_: ([], False))
    assert any(problems_of(broker, [seed])[0] for seed in range(N_MUTANT))


def test_a_plan_that_believes_every_position_protected_is_caught(broker, monkeypatch):
    believed = property(lambda trade: trade.open_quantity)
    monkeypatch.setattr(manage.Trade, "protected_quantity", believed)
    assert any(problems_of(broker, [seed])[0] for seed in range(N_MUTANT))
