"""Reads a user's module of features from its file."""

import hashlib
import types
from functools import lru_cache
from pathlib import Path
from typing import Any

from trading_pipeline.contracts.data_config import FeaturesConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.feature_module import FeatureModule


def load_feature_module(path: str) -> FeatureModule | None:
    """Return the module of a path; None for the empty path.

    The file is run once for each text it has, under a name of its own. It defines
    `features(config)`, or a tuple `FEATURES`.

    Raises:
        InputError: The file is missing, does not run, or defines neither.
    """
    if not path:
        return None
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise InputError(
            f"feature module {path} cannot be read ({error.strerror}); "
            "give an existing Python file with --features, or set features.module to none"
        ) from None
    return _module_of(path, text)


def feature_module_hash(path: str) -> str:
    """Return the hash of a module's text, without running it; empty for the empty path."""
    if not path:
        return ""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return "gone"


@lru_cache(maxsize=8)
def _module_of(path: str, text: bytes) -> FeatureModule:
    sha256 = hashlib.sha256(text).hexdigest()
    module = types.ModuleType(f"user_features_{sha256[:16]}")
    module.__file__ = path
    try:
        exec(compile(text, path, "exec"), module.__dict__)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise InputError(
            f"feature module {path} does not run: {_line_of(error, path)}"
            f"{type(error).__name__}: {error}; correct the file"
        ) from error
    if callable(made := getattr(module, "features", None)):
        return FeatureModule(path, sha256, made)
    if hasattr(module, "FEATURES"):
        listed: Any = module.FEATURES

        def make(config: FeaturesConfig) -> object:  # noqa: ARG001
            return listed

        return FeatureModule(path, sha256, make)
    raise InputError(
        f"feature module {path} defines neither features(config) nor FEATURES; "
        "define one of them, see docs/your-own-features.md"
    )


def _line_of(error: BaseException, path: str) -> str:
    """Return the last line of the file that led to an error, in words."""
    line = error.lineno if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"line {line}: " if line else ""
