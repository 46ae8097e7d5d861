"""Write docs/features.md from the registry: every feature, by stage and family.

`python -m trading_pipeline_tests.docs.features` writes it again after a change of the features.
"""

from pathlib import Path

from trading_pipeline.domain.features.intraday_registry import AT_CLOSE, intraday_registry
from trading_pipeline.domain.features.registry import AT_DECISION, feature_registry
from trading_pipeline.settings import load_settings

TARGET = Path(__file__).resolve().parents[2] / "docs" / "features.md"
HEAD = """# Features

Written from the registry by `python -m trading_pipeline_tests.docs.features`.

With the shipped settings there are {daily} daily features and {intraday} intraday ones, these at
each of {timeframes} minutes. *Lookback* is the number of bars a feature reads, at each timeframe
where they differ; before that it is missing. *Inputs* without a dot are the symbol's own bars.
Where *known* is empty, a daily value is known at 18:00 New York of its session, or when its bar was
released, if that was withheld; an intraday one when its bar closes. A feature with a *grid* is one
choice of a window that sweeps tune.
"""
COLUMNS = ("feature", "formula", "unit", "lookback", "inputs", "known", "grid", "source")
USUAL = (AT_DECISION, AT_CLOSE)


def registered():
    """Return every feature of the shipped settings, a tuple of one a timeframe."""
    config = load_settings(environment={}).features
    found = {}
    for feature in (*feature_registry(config), *intraday_registry(config.intraday)):
        found.setdefault((feature.stage, feature.name), []).append(feature)
    return list(found.values())


def markdown(features):
    """Return the page."""
    stages = [feature.stage for feature, *_ in features]
    minutes = sorted({one.timeframe_minutes for of in features for one in of} - {None})
    parts = [
        HEAD.format(
            daily=stages.count("daily"),
            intraday=stages.count("intraday"),
            timeframes=", ".join(map(str, minutes)),
        )
    ]
    for stage, family in dict.fromkeys((f.stage, f.family) for f, *_ in features):
        chosen = [of for of in features if (of[0].stage, of[0].family) == (stage, family)]
        parts.append(f"\n## {stage}: {family.replace('_', ' ')} ({len(chosen)})\n")
        parts.append(_row(COLUMNS))
        parts.append(_row("---" for _ in COLUMNS))
        parts += [_row(_cells(of)) for of in chosen]
    return "\n".join(parts) + "\n"


def _cells(timeframes):
    feature = timeframes[0]
    return (
        f"`{feature.name}`",
        feature.formula,
        feature.unit,
        " / ".join(dict.fromkeys(str(one.lookback_sessions) for one in timeframes)),
        ", ".join(feature.inputs),
        "" if feature.known_at_rule in USUAL else feature.known_at_rule,
        feature.alternative[0] if feature.alternative else "",
        feature.source,
    )


def _row(cells):
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    TARGET.write_text(markdown(registered()), encoding="utf-8")
    print(TARGET)
