"""The options that several commands share, and the settings they stand for."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from trading_pipeline.contracts.errors import InputError

Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help="Folder for everything written; else TRADING_PIPELINE_HOME, else .trading_pipeline.",
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="TOML file of settings that differ from the defaults."),
]
SourceKind = Annotated[
    Literal["sample", "simulated", "files", "alpaca", "massive"] | None,
    typer.Option(
        "--source",
        help="Where bars come from; sample, the default, needs nothing. Vendors need a key in the "
        "environment, --symbols and --start.",
    ),
]
Data = Annotated[Path | None, typer.Option("--data", help="Market folder; implies --source files.")]
Symbols = Annotated[
    str | None,
    typer.Option("--symbols", help="A,B,C or a text file of symbols; without it all."),
]
Day = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="YYYY-MM-DD.")
]
Start = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="First session, YYYY-MM-DD."),
]
End = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Last session, YYYY-MM-DD."),
]
Profile = Annotated[
    Literal["quick", "full"] | None,
    typer.Option("--profile", help="Depth of the search; quick is the default."),
]
OwnFeatures = Annotated[
    Path | None,
    typer.Option(
        "--features", metavar="FILE", help="Python file with features of your own, added to ours."
    ),
]
JsonPath = Annotated[Path | None, typer.Option("--json", help="Write the result as JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; do nothing.")]
SetAndForget = Annotated[
    bool,
    typer.Option(
        "--set-and-forget",
        help="Promote by itself what passed every criterion and its shadow period.",
    ),
]
RenewProtocol = Annotated[
    bool,
    typer.Option("--renew-protocol", help="Move the hold-out to the newest sessions first."),
]
Reason = Annotated[str, typer.Option(help="Why; kept in the history.")]
By = Annotated[str, typer.Option(help="Who decides.")]
Model = Literal["daily", "selloffs"]
ModelName = Annotated[Model, typer.Option("--model", help="The daily model, or that of falls.")]
Suite = Literal["quick", "full"]
Signal = Literal["none", "linear", "interaction", "regime", "falls"]


def source_flags(
    source: str | None,
    data: Path | None,
    symbols: str | None,
    start: datetime | None,
    end: datetime | None,
    profile: str | None,
    own_features: Path | None = None,
) -> dict[str, Any]:
    """Return the nested settings that the source options and --features set."""
    given: dict[str, Any] = {
        "kind": source or ("files" if data else None),
        "data": str(data.expanduser().resolve()) if data else None,
        "symbols": symbols_of(symbols) if symbols else None,
        "start": start.date() if start else None,
        "end": end.date() if end else None,
    }
    flags: dict[str, Any] = {"source": {k: v for k, v in given.items() if v is not None}}
    if profile:
        flags["profile"] = profile
    if own_features:
        flags["features"] = {"module": str(own_features.expanduser().resolve())}
    return flags


def symbols_of(text: str) -> list[str]:
    """Return the symbols of a list or of a file that holds one. Raises InputError."""
    path = Path(text)
    if "," not in text and path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"--symbols {path} cannot be read as text: {error}") from None
    names = sorted({name.upper() for name in text.replace(",", " ").split()})
    if not names:
        raise InputError(f"--symbols {path} names no symbol; give A,B,C or a file with some")
    return names
