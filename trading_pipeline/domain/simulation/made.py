"""The simulated market that a configuration asks for: daily signals, or falls on minute bars."""

from trading_pipeline.contracts.data_config import SimulationConfig
from trading_pipeline.domain.simulation.falls import simulate_falls
from trading_pipeline.domain.simulation.market import SimulatedMarket, simulate_market


def made_market(config: SimulationConfig, extra_sessions: int = 0) -> SimulatedMarket:
    """Return the market of a configuration, continued by `extra_sessions` sessions.

    Raises InputError where its signal cannot be planted as asked, ValueError where the calendar
    ends.
    """
    if config.signal == "falls":
        return simulate_falls(config, extra_sessions)
    return simulate_market(config, extra_sessions)
