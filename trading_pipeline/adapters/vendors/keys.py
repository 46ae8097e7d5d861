"""The keys of vendors: found among the environment's variables, and never shown."""

from collections.abc import Mapping

from trading_pipeline.contracts.errors import InputError


def key_of(keys: Mapping[str, str], vendor: str, names: tuple[str, ...]) -> str:
    """Return the first of the named variables that is set.

    Raises:
        InputError: None is set, or it holds what no key holds; the message names the variables,
            never their content.
    """
    for name in names:
        key = keys.get(name, "").strip()
        if not key:
            continue
        if not (key.isascii() and key.isprintable() and " " not in key):
            raise InputError(f"{name} holds characters that no key of {vendor} has; set it anew")
        return key
    raise InputError(f"{vendor} needs a key; set the environment variable {' or '.join(names)}")


def keys_given(keys: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the contents of those of the named variables that are set, to be kept out of texts."""
    return tuple(key for name in names if (key := keys.get(name, "").strip()))
