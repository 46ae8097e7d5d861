"""The card of a judged model: Markdown that a person reads before trusting it."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from trading_pipeline.contracts.report import ModelCard
from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.domain.ensemble.stack import STACK
from trading_pipeline.reports.verdict import criterion_name, required
from trading_pipeline.reports.wording import (
    NOT_ASSESSABLE,
    between,
    is_missing,
    quantity,
    whole,
    words,
)

STANDING = {"promoted": "proposed for promotion", "rejected": "rejected", "undecided": "undecided"}


def render_card(card: ModelCard) -> str:
    """Return the card as Markdown: the same card gives the same text.

    It names no run and no version of settings, so that equal models have equal cards; see
    `with_versions`.
    """
    parts = [
        f"# Model {card.model_version}",
        f"Verdict: **{STANDING.get(card.verdict, card.verdict)}**. {_next_step(card.verdict)}",
        _facts(card.facts),
        "## Learners",
        _learners(card.members),
        "## Hold-out by regime",
        _by_regime(card.scores),
        "## Beside its members and baselines",
        _beside(card.scores),
        "## Backtest over the hold-out",
        _figures(card.figures),
        "## Verdict by criterion",
        _criteria(card.verdict_rows),
        "## Known limits",
        _bullets([*_limits(card), *card.limits]),
    ]
    return "\n\n".join(parts) + "\n"


def with_versions(text: str, reality: Sequence[str], versions: Mapping[str, str]) -> str:
    """Return a card with what is real in its data, and the versions of the run that wrote it."""
    told = ["## What the data are", _bullets(reality), "## Written by", _facts(versions)]
    return text + "\n" + "\n\n".join(told) + "\n"


def _next_step(verdict: str) -> str:
    if verdict == "promoted":
        return "It runs in shadow until it is promoted."
    return "It runs in shadow: it predicts and nobody follows it."


def _facts(facts: Mapping[str, str]) -> str:
    return _table(("", ""), facts.items())


def _learners(members: pd.DataFrame) -> str:
    rows = members[members["params_json"] != "{}"].sort_values("member")
    return _table(
        ("learner", "features", "parameters"),
        (
            (words(str(r.member)), whole(r.n_features), f"`{r.params_json}`")
            for r in rows.itertuples()
        ),
    )


def _by_regime(scores: pd.DataFrame) -> str:
    own = scores[scores["learner"] == STACK].set_index("regime")
    rows = []
    for regime in ("all", *REGIMES):
        if regime not in own.index:
            rows.append((words(regime), "0", "0", NOT_ASSESSABLE, NOT_ASSESSABLE, NOT_ASSESSABLE))
            continue
        row = own.loc[regime]
        rows.append(
            (
                words(regime),
                whole(row["n_rows"]),
                quantity(row["n_horizons"]),
                between(row["auc"], row["auc_low"], row["auc_high"]),
                between(row["rank_ic"], row["rank_ic_low"], row["rank_ic_high"]),
                quantity(row["ece"]),
            )
        )
    names = ("regime", "rows", "independent horizons", "AUC", "Rank IC", "calibration error")
    return _table(names, rows)


def _beside(scores: pd.DataFrame) -> str:
    whole_span = scores[scores["regime"] == "all"].sort_values("auc", ascending=False)
    return _table(
        ("learner", "AUC", "Rank IC"),
        (
            (
                words(str(r["learner"])),
                between(r["auc"], r["auc_low"], r["auc_high"]),
                between(r["rank_ic"], r["rank_ic_low"], r["rank_ic_high"]),
            )
            for r in whole_span.to_dict("records")
        ),
    )


def _figures(figures: pd.DataFrame) -> str:
    return _table(
        ("figure", "value", "what it rests on"),
        (
            (
                words(str(r["metric"])),
                between(r["value"], r["low"], r["high"], str(r["metric"])),
                str(r["note"]),
            )
            for r in figures.to_dict("records")
        ),
    )


def _criteria(rows: pd.DataFrame) -> str:
    def state(is_passed: object) -> str:
        return NOT_ASSESSABLE if is_missing(is_passed) else "passed" if is_passed else "failed"

    def value(row: Mapping[str, object]) -> str:
        return "–" if is_missing(row["value"]) else quantity(row["value"], str(row["criterion"]))

    return _table(
        ("criterion", "result", "value", "required", "what it rests on"),
        (
            (
                criterion_name(str(r["criterion"])),
                state(r["is_passed"]),
                value(r),
                required(r["threshold"]),
                str(r["detail"]),
            )
            for r in (
                {str(k): v for k, v in row.items()}
                for row in rows.sort_values("position").to_dict("records")
            )
        ),
    )


def _limits(card: ModelCard) -> list[str]:
    own = card.scores[(card.scores["learner"] == STACK) & (card.scores["regime"] != "all")]
    unjudged = [words(r) for r in REGIMES if r not in set(own.loc[own["is_assessable"], "regime"])]
    limits = [
        "It ranks equities of the universe it was trained on against their median; it says nothing"
        " of absolute returns, nor of other instruments.",
        "The hold-out figures are those of the judged model; the version in shadow is the same"
        " recipe fitted again on later labels, and has no hold-out of its own.",
    ]
    if unjudged:
        limits.append(f"Too few independent horizons to judge it in: {', '.join(unjudged)}.")
    return limits


def _bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [names, tuple("---" for _ in names), *rows]
    return "\n".join("| " + " | ".join(str(c).replace("|", "/") for c in r) + " |" for r in lines)
