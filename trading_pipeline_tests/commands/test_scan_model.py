"""A scan says who speaks, and when its words rest on the very session it speaks about."""

from types import SimpleNamespace

from trading_pipeline.commands.scan_model import ServingModel, has_learned_from, words_of
from trading_pipeline.domain.selloffs.alerts import NoModel
from trading_pipeline.domain.selloffs.model import Trained

MODEL = SimpleNamespace(trained=Trained(100, 200, 1000))


def test_who_speaks_is_told_with_its_role():
    shadow = ServingModel("falls-1", MODEL, is_shadow=True)
    assert words_of(shadow) == "falls-1, shadow: nothing is risked on it"
    assert words_of(ServingModel("falls-1", MODEL)) == "falls-1, champion"
    assert words_of(NoModel()) == "none in service: no probability, no risk"


def test_a_model_has_learned_from_its_training_span_alone():
    champion = ServingModel("falls-1", MODEL)
    assert [has_learned_from(champion, n) for n in (99, 100, 200, 201)] == [
        False,
        True,
        True,
        False,
    ]
    assert not has_learned_from(NoModel(), 150)
