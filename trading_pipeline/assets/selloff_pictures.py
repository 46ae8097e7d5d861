"""What the pictures of falls are drawn from: which falls are shown, and their minutes."""

import pandas as pd

from trading_pipeline.domain.selloffs.gallery import best_and_worst
from trading_pipeline.resources import StageRun

N_EACH = 3


def gallery(
    run: StageRun,
    events: pd.DataFrame,
    outcomes: pd.DataFrame,
    among: pd.DataFrame | None = None,
) -> dict[str, pd.DataFrame]:
    """Return `falls` and `minutes` of the picture `selloff_gallery`.

    The three best and the three worst trades at the verdict's delay, of all tradable falls or of
    those whose keys (symbol, session_date, rung) are in `among`. The asset must read bars.minute.
    """
    falls = best_and_worst(
        events,
        outcomes,
        delay=run.config.selloffs.trade.verdict_delay_minutes,
        n_each=N_EACH,
        among=among,
    )
    minutes = run.query(
        "selloffs/paths",
        symbols=falls["symbol"].tolist(),
        dates=[date.date() for date in falls["session_date"]],
    )
    return {"falls": falls, "minutes": minutes}
