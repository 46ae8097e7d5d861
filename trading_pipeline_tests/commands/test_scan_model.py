"""A scan says who speaks, and when its words rest on the very session it speaks about."""

from types import SimpleNamespace

import pandas as pd

from trading_pipeline.commands.scan_model import ServingModel, words_of
from trading_pipeline.domain.bars.sessions import session_ordinals
from trading_pipeline.domain.selloffs.alerts import NoModel
from trading_pipeline.domain.selloffs.model import Trained

LEARNED, UNSEEN = pd.Timestamp("2024-03-05"), pd.Timestamp("2024-03-06")


def test_a_model_that_learned_from_the_session_proves_nothing_there():
    (last,) = session_ordinals(pd.DatetimeIndex([LEARNED]))
    model = SimpleNamespace(trained=Trained(0, int(last), 100))
    shadow = ServingModel("falls-1", model, is_shadow=True)
    assert words_of(shadow, UNSEEN) == "falls-1, shadow: nothing is risked on it"
    assert words_of(shadow, LEARNED).endswith("so its words prove nothing")
    assert words_of(ServingModel("falls-1", model), UNSEEN) == "falls-1, champion"
    assert "no risk" in words_of(NoModel(), UNSEEN)
