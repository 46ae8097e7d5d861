"""Errors a user can act on: each says what was given and what to do."""


class InputError(Exception):
    """Bad input: the work was not begun and nothing was written. Exit code 2."""


class WarehouseBusyError(InputError):
    """Another process holds the warehouse or the home; the message names it."""


class NewerWarehouseError(InputError):
    """The home was made by a newer version of the program."""


class RunFailedError(Exception):
    """A run began and a step failed: a fault, exit code 1; what was finished is kept."""
