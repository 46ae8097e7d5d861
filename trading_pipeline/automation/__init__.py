"""Jobs, schedules, sensors, and how a run is launched."""
