"""The kill switch: a file in the home that ends all trading for as long as it lies there."""

from pathlib import Path

from trading_pipeline.contracts.errors import InputError

NAME = "scan/KILL"


def kill_reason(home: Path) -> str:
    """Return why trading was ended, empty where it was not. An empty file counts."""
    path = home / NAME
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or "no reason given"
    except FileNotFoundError:
        return ""
    except OSError as error:
        # What cannot be read may have been meant.
        return f"{NAME} cannot be read ({error.strerror})"


def pull_kill_switch(home: Path, reason: str) -> Path:
    """End trading: orders are cancelled, positions closed, nothing opened; return the file.

    Raises InputError where there is no such home: no scanner would look for a switch there.
    """
    path = home / NAME
    if not home.is_dir():
        raise InputError(
            f"there is no home {home}, and nothing was ended; give the scanner's --home"
        )
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{reason}\n", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror}); give the scanner's --home"
        ) from None
    return path


def lift_kill_switch(home: Path) -> bool:
    """Allow trading again; return whether it was ended."""
    path = home / NAME
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise InputError(f"{path} cannot be removed ({error.strerror}); remove it") from None
    return True
