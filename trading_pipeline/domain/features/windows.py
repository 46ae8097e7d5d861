"""Alternative indicator windows: columns of which a sweep's trial takes one choice per group."""

from collections.abc import Mapping, Sequence

from trading_pipeline.domain.features.registry import Feature

WindowGroups = Mapping[str, Mapping[str, Sequence[str]]]


def window_groups(registry: tuple[Feature, ...]) -> dict[str, dict[str, list[str]]]:
    """Return {group: {choice: columns}} for rsi, atr, bollinger, macd and sma.

    Choices and columns stand in the order of the registry. A column in no group belongs to every
    trial.
    """
    groups: dict[str, dict[str, list[str]]] = {}
    for feature in registry:
        if feature.alternative is not None:
            group, choice = feature.alternative
            groups.setdefault(group, {}).setdefault(choice, []).append(feature.name)
    return groups


def columns_for(choice: Mapping[str, str], selected: list[str], groups: WindowGroups) -> list[str]:
    """Return the selected columns without those of windows not chosen, in the same order.

    A group that `choice` does not name keeps all its windows. Raises ValueError on a group or a
    choice that does not exist.
    """
    dropped: set[str] = set()
    for group, chosen in choice.items():
        choices = groups.get(group, {})
        if chosen not in choices:
            raise ValueError(f"no window {chosen} of {group}; there are {list(choices)}")
        dropped.update(c for other, names in choices.items() if other != chosen for c in names)
    return [column for column in selected if column not in dropped]
