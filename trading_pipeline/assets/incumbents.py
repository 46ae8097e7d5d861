"""What a learner's searches start from: read from the model in service and the last search."""

import pandas as pd

from trading_pipeline.assets.service import is_whole, roles
from trading_pipeline.domain.ensemble.recipe import Recipe
from trading_pipeline.domain.splits.protocol import Protocol, protocol_of_record
from trading_pipeline.domain.sweeps.incumbents import Champion, Incumbent, choose_incumbent
from trading_pipeline.domain.sweeps.spaces import Candidate
from trading_pipeline.domain.sweeps.trial_book import Costs
from trading_pipeline.resources import StageRun


def incumbents(
    run: StageRun, learner: str, protocol: Protocol, costs: Costs
) -> dict[int, Incumbent]:
    """Return what a learner's searches start from, by block; a cold search has none."""
    records = run.table_whole("splits.protocols").to_dict("records")
    known = [protocol_of_record({str(k): v for k, v in record.items()}) for record in records]
    previous, champion = run.table(f"sweeps.{learner}"), champion_in_service(run)
    found = {
        block: choose_incumbent(
            learner,
            block,
            protocol,
            {one.protocol_id: one for one in known},
            previous,
            champion,
            objective=run.config.sweeps.objective,
            costs=costs,
        )
        for block in protocol.blocks
    }
    return {block: start for block, start in found.items() if start is not None}


def champion_in_service(run: StageRun) -> Champion | None:
    """Return the champion's parameters; None without a whole one, or where no hold-out judged it.

    The protocol of a recipe is the one whose hold-out it first opened.
    """
    version = roles(run)["champion"]
    if version is None or not is_whole(run, version):
        return None
    recipe = Recipe.from_json(run.load_model(version)["recipe.json"].decode())
    judged: pd.DataFrame = run.read(
        "select protocol_id from splits.holdout_reads where recipe_id = $recipe_id"
        " order by read_at limit 1",
        recipe_id=recipe.recipe_id,
    )
    if judged.empty:
        return None
    candidates = {m.learner: Candidate(m.params, m.windows) for m in recipe.members}
    return Champion(version, str(judged["protocol_id"].iloc[0]), candidates)
