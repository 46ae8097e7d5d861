"""The reports' web server: the files of `reports/`, and at its root a page that lists them."""

import html
import io
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# A report names its verdict in its title and its data in the first line of its header.
TITLE = re.compile(r"<title>(.*?) · run .*?</title>", re.DOTALL)
DATA = re.compile(r'<p class="run">(.*?)</p>', re.DOTALL)
HEAD_BYTES = 65_536

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Reports</title><link rel="icon" href="data:,">
<style>
:root {{ --page: #f3f5f8; --card: #fff; --line: #dde2e9; --ink: #1b2430; --mute: #5b6676;
  --link: #0a62a6; --good: #078a66; --bad: #b3202c; --open: #7a5a00; }}
@media (prefers-color-scheme: dark) {{ :root {{ --page: #0e131b; --card: #161c26; --line: #2a3342;
  --ink: #e8edf4; --mute: #9aa7b8; --link: #7fc0f5; --good: #35c49a; --bad: #ff7b86;
  --open: #e6b93f; }} }}
body {{ margin: 0; padding: 32px 16px; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }}
main {{ max-width: 860px; margin: auto; }}
h1 {{ margin: 0 0 4px; font-size: 28px; }}
p {{ margin: 0 0 20px; color: var(--mute); overflow-wrap: anywhere; }}
a {{ display: grid; grid-template-columns: 8.5em 1fr auto; gap: 4px 20px; padding: 14px 18px;
  margin: 0 0 10px; border: 1px solid var(--line); border-radius: 12px; background: var(--card);
  color: inherit; text-decoration: none; }}
a:hover, a:focus-visible {{ border-color: var(--link); }}
strong.promoted {{ color: var(--good); }} strong.rejected {{ color: var(--bad); }}
strong.undecided {{ color: var(--open); }} small {{ color: var(--mute); font-size: 13px; }}
@media (max-width: 560px) {{ a {{ grid-template-columns: 1fr; }} }}
</style></head><body><main>
<h1>Reports</h1><p>{folder}</p>
{entries}
</main></body></html>
"""
ENTRY = (
    '<a href="{name}"><strong class="{kind}">{verdict}</strong>'
    "<span>{data}<br><small>{name}</small></span><small>{written}</small></a>"
)


def index_page(folder: Path) -> str:
    """Return the page that lists the reports of a folder, the newest first."""
    paths = sorted(folder.glob("*.html"), key=lambda path: (-path.stat().st_mtime, path.name))
    entries = [_entry(path) for path in paths if not path.name.startswith(".")]
    none = "<p>No report yet: every run that ends writes one.</p>"
    return PAGE.format(folder=html.escape(str(folder)), entries="\n".join(entries) or none)


def report_server(folder: Path, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server of the reports; the list is made anew for each visit."""
    handler: Callable[..., SimpleHTTPRequestHandler] = partial(_Pages, directory=str(folder))
    return ThreadingHTTPServer((host, port), handler)


def _entry(path: Path) -> str:
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES).decode("utf-8", "replace")
    title, data = TITLE.search(head), DATA.search(head)
    verdict = title.group(1).strip() if title else "Report"
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return ENTRY.format(
        name=html.escape(path.name),
        kind=html.escape(verdict.lower().split()[0]),
        verdict=verdict,
        data=data.group(1).strip() if data else "",
        written=f"{written:%Y-%m-%d %H:%M} UTC",
    )


class _Pages(SimpleHTTPRequestHandler):
    """Serves files as they are and a directory as the list of reports; logs nothing."""

    def guess_type(self, path: str | os.PathLike[str]) -> str:
        """Return a file's type; a model's card is to be read here, not downloaded."""
        return (
            "text/plain; charset=utf-8" if str(path).endswith(".md") else super().guess_type(path)
        )

    def list_directory(self, path: object) -> io.BytesIO:
        """Return the list instead of file names."""
        page = index_page(Path(str(path))).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        return io.BytesIO(page)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the terminal free of one line a request."""
