"""No 60 seconds hold more requests than the plan, and nothing waits past its deadline."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.adapters.vendors.limits import Clock, Deadline, RateLimiter
from trading_pipeline.contracts.errors import VendorDeadlineError
from trading_pipeline_tests.adapters.vendors.scenes import most_in_a_minute


class ScriptedClock:
    """Time that moves only when told."""

    def __init__(self, at=1000.0):
        self.at = at
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.at += seconds

    @property
    def clock(self):
        return Clock(lambda: self.at, lambda: 1.7e9 + self.at, self.sleep)


@given(
    per_minute=st.integers(1, 6),
    pauses=st.lists(
        st.tuples(st.floats(0, 70), st.floats(0, 90), st.floats(0, 1), st.sampled_from("-rk")),
        max_size=40,
    ),
)
def test_no_window_holds_more_than_the_plan(tmp_path_factory, per_minute, pauses):
    """However long requests take, wherever in them they arrive, whatever dies in between."""
    time = ScriptedClock()
    path = tmp_path_factory.mktemp("home") / "vendor.sent"
    limiter = RateLimiter(per_minute, Deadline(1e9, time.clock), path)
    arrivals = []
    for idle, takes, arrives, end in pauses:
        time.at += idle
        limiter.__enter__()
        arrivals.append(time.at + arrives * takes)
        time.at += takes
        if end != "k":
            limiter.__exit__()
        if end in "rk":
            limiter = RateLimiter(per_minute, Deadline(1e9, time.clock), path)
    assert most_in_a_minute(arrivals) <= per_minute


def test_the_plan_is_used_in_full():
    time = ScriptedClock()
    limiter = RateLimiter(200, Deadline(1e9, time.clock))
    for _ in range(600):
        with limiter:
            pass
    assert 120 <= sum(time.slept) <= 121


def test_a_lower_limit_counts_what_a_higher_one_let_through(tmp_path):
    time = ScriptedClock()
    deadline = Deadline(1e9, time.clock)
    for limit in (5, 2):
        limiter = RateLimiter(limit, deadline, tmp_path / "vendor.sent")
        for _ in range(limit):
            with limiter:
                time.at += 1
    assert sum(time.slept) > 57


def test_a_stamp_of_the_future_counts_as_now(tmp_path):
    time = ScriptedClock()
    path = tmp_path / "vendor.sent"
    path.write_text(f"sent {9e9}\ndone {9e9}\n")
    limiter = RateLimiter(1, Deadline(1e9, time.clock), path)
    with limiter:
        pass
    assert sum(time.slept) == pytest.approx(60.1, abs=0.01)


@pytest.mark.parametrize("text", ["sent 17", "done 1700000", "nonsense\n", "done x\n"])
def test_torn_stamps_do_no_harm(tmp_path, text):
    time = ScriptedClock()
    path = tmp_path / "vendor.sent"
    path.write_text(text)
    with RateLimiter(1, Deadline(1e9, time.clock), path):
        pass
    assert sum(time.slept) <= 60.2


def test_a_wait_beyond_the_deadline_is_refused_at_once():
    time = ScriptedClock()
    limiter = RateLimiter(1, Deadline(30, time.clock))
    with limiter:
        pass
    with pytest.raises(VendorDeadlineError, match=r"vendors\.deadline_seconds"), limiter:
        pass
    assert time.slept == []


def test_a_deadline_runs_out():
    time = ScriptedClock()
    deadline = Deadline(30, time.clock)
    deadline.sleep(29, "waiting")
    assert deadline.remaining() == pytest.approx(1)
    with pytest.raises(VendorDeadlineError):
        deadline.sleep(1.0, "waiting")
    time.at += 100
    assert deadline.remaining() == 0
