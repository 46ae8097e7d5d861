"""Which addresses count as paper: the vendor's paper host and this machine, nothing else."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from trading_pipeline.contracts.errors import InputError

PAPER_HOST: Final = "paper-api.alpaca.markets"
PAPER_URL: Final = f"https://{PAPER_HOST}"


def paper_url(url: str) -> str:
    """Return an address that is paper, without a slash at its end.

    Raises:
        InputError: It is another host's, not encrypted, or holds a user; the message names the
            remedy.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _refused(url) from None
    is_bare = (
        not (parts.username or parts.password or parts.query or parts.fragment)
        and parts.path in ("", "/")
        and "\\" not in url
        and url.isprintable()
    )
    is_paper = parts.scheme == "https" and host == PAPER_HOST and port in (None, 443)
    is_here = parts.scheme in ("http", "https") and _is_loopback(host)
    if not (is_bare and (is_paper or is_here)):
        raise _refused(url)
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refused(url: str) -> InputError:
    # What stands before an @ may be a password.
    shown = url.rsplit("@", 1)[-1]
    return InputError(
        f"broker.base_url {shown!r} is not the paper broker, and orders go to paper only; set it to"
        f" {PAPER_URL}"
    )
