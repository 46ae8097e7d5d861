"""Errors a user can act on: each says what was given and what to do."""


class InputError(Exception):
    """Bad input: the work was not begun and nothing was written. Exit code 2."""


class WarehouseBusyError(InputError):
    """Another process holds the warehouse or the home; the message names it."""


class NewerWarehouseError(InputError):
    """The home was made by a newer version of the program."""


class RunFailedError(Exception):
    """A run began and a step failed: a fault, exit code 1; what was finished is kept."""


class VendorError(Exception):
    """A vendor did not deliver; what was fetched before is kept, and a rerun goes on from there."""


class VendorAnswerError(VendorError):
    """An answer that cannot be read or contradicts the call; the message names both."""


class VendorDeadlineError(VendorError):
    """The time set for a fetch is over."""
