"""Pictures of searches: what the trials reached, and which parameters that depends on."""

from itertools import cycle

import pandas as pd

from trading_pipeline.contracts.config import Objective
from trading_pipeline.reports.palette import SERIES
from trading_pipeline.reports.panel import Panel, bar_rows
from trading_pipeline.reports.plots_model import LEARNER_ORDER, WIDE, in_order
from trading_pipeline.reports.scales import Formatter, Tick, padded_range, percent, plain
from trading_pipeline.reports.svg import Figure, nothing_to_show
from trading_pipeline.reports.wording import words

# Of each learner.
SHOWN = 6

# What a search can be ruled by: column, words, the value of no skill, and how it is written.
MEASURES: dict[str, tuple[str, str, float, Formatter]] = {
    "auc": ("auc", "AUC", 0.5, plain),
    "profit": ("profit_frac", "profit after costs", 0.0, percent),
}


def plot_sweep_history(
    trials: pd.DataFrame, width: int = WIDE, objective: Objective = "auc"
) -> str:
    """Draw what each trial reached, and the best so far of the final search (sweeps.trials)."""
    column, name, level, write = MEASURES[objective]
    title = f"Search history: {name} on inner folds"
    done = trials.dropna(subset=[column])
    if done.empty:
        return nothing_to_show(title, "no trial was completed", width)
    learners = in_order(list(done["learner"]), LEARNER_ORDER)
    figure = Figure(title, f"{len(trials):,} trials of {', '.join(map(words, learners))}.", width)
    colours = dict(zip(learners, cycle(SERIES), strict=False))
    figure.legend([(colours[one], words(one)) for one in learners])
    last = float(done["trial"].max())
    panel = Panel(
        figure,
        240.0,
        (float(done["trial"].min()) - 0.6, last + 0.6),
        padded_range(done[column], include=(level,)),
        x_title="trial",
        y_title=name,
        y_write=write,
        x_ticks=_whole_ticks(float(done["trial"].min()), last),
    )
    panel.level(level)
    for place, learner in enumerate(learners):
        mine = done[done["learner"] == learner].sort_values(["block", "trial"])
        aside = (place - (len(learners) - 1) / 2) * 0.16
        tips = [
            f"{words(learner)}, block {r['block']}, trial {r['trial']}: "
            f"{name} {r[column]:.4f} ({r['state']})"
            for r in mine.to_dict("records")
        ]
        panel.dots(mine["trial"] + aside, mine[column], f"{colours[learner]} soft", tips)
        final = mine[mine["block"] == mine["block"].min()]
        panel.step(final["trial"] + aside, final[column].cummax(), colours[learner])
    figure.remark("Dots: all trials of all blocks. Steps: best so far of the final search.")
    return figure.svg()


def _whole_ticks(low: float, high: float) -> list[Tick]:
    step = max(1, round((high - low) / 10))
    return [Tick(float(v), f"{v}") for v in range(int(low), int(high) + 1, step)]


def plot_sweep_importance(importance: pd.DataFrame, width: int = WIDE) -> str:
    """Draw each learner's most important parameters.

    `importance` has learner, parameter, importance_frac and n_trials.
    """
    title = "Importance of parameters"
    if importance.empty:
        return nothing_to_show(title, "too few complete trials, or nothing to choose", width)
    learners = in_order(list(importance["learner"]), LEARNER_ORDER)
    colours = dict(zip(learners, cycle(SERIES), strict=False))
    figure = Figure(title, f"fANOVA over the trials of {', '.join(map(words, learners))}.", width)
    rows = []
    for learner in learners:
        own = importance[importance["learner"] == learner]
        own = own.sort_values(["importance_frac", "parameter"], ascending=[False, True])
        for one in own.head(SHOWN).to_dict("records"):
            share, parameter = float(one["importance_frac"]), words(str(one["parameter"]))
            name = parameter if len(learners) == 1 else f"{words(learner)}: {parameter}"
            rows.append((name, share, colours[learner], percent(share)))
    bar_rows(figure, rows, write=percent, x_title="share of the variance of what trials reached")
    trials = importance.groupby("learner")["n_trials"].first()
    told = ", ".join(f"{words(one)} {trials[one]}" for one in learners)
    figure.remark(f"Complete trials: {told}. At most {SHOWN} parameters a learner.")
    return figure.svg()
