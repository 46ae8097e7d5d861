"""What a trial found: which feature or step reads the future, how it showed, and from when on."""

from dataclasses import dataclass

import pandas as pd

END_OF_DATA = "the end of the data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One leak.

    `subject` is a feature or a step of the training path, `test` the trial that showed it, `how` a
    sentence a person can act on. `first_date` is the first session whose value reads the future,
    None where the leak is of a whole fit. `ahead` is how far it reads at least, None where it
    cannot be told.
    """

    subject: str
    test: str
    how: str
    first_date: pd.Timestamp | None = None
    ahead: str | None = None

    def record(self) -> dict[str, str | None]:
        """Return the finding as JSON values; dates are ISO 8601."""
        return {
            "subject": self.subject,
            "test": self.test,
            "how": self.how,
            "first_date": None if self.first_date is None else self.first_date.isoformat(),
            "ahead": self.ahead,
        }


def in_new_york(instant: pd.Timestamp) -> str:
    """Return a UTC instant as New York wall-clock time, in words."""
    return f"{instant.tz_convert('America/New_York'):%Y-%m-%d %H:%M} New York"
