"""The made market of the proofs, built once for all tests that read it."""

import functools

from trading_pipeline.domain.features.registry import feature_registry
from trading_pipeline.domain.proof.market import made_market
from trading_pipeline.domain.proof.planted import planted_leaks
from trading_pipeline.domain.proof.training_market import training_market
from trading_pipeline.settings import load_settings

CONFIG = load_settings(environment={})
REGISTRY = feature_registry(CONFIG.features)


@functools.cache
def market():
    return made_market(CONFIG)


@functools.cache
def frames():
    return market().cleaned()


@functools.cache
def training():
    return training_market(frames(), REGISTRY, CONFIG)


@functools.cache
def leaks():
    return {leak.name: leak for leak in planted_leaks(market(), frames(), training())}
