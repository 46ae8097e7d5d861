"""The training log as a person or a machine reads it."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from trading_pipeline.commands.summary import plain, write_json
from trading_pipeline.resources import open_home

WAIT_SECONDS = 30.0


def show_history(console: Console, home: Path, last: int, json_path: Path | None) -> None:
    """Print the newest runs, the newest first, and write them as JSON where asked."""
    warehouse = open_home(home, WAIT_SECONDS)
    runs = warehouse.read(
        "select * from reports.training_log order by started_at desc, run_id limit $last",
        {"last": last},
    )
    table = Table(title="Runs of this home, the newest first", title_justify="left", box=None)
    for name in ("ended, UTC", "job", "state", "seconds", "computed", "verdict", "settings"):
        # What a reader copies must never be cut, however narrow the terminal.
        table.add_column(name, overflow="fold", no_wrap=name == "settings")
    for row in runs.to_dict("records"):
        state = f"failed in {row['failed']}" if row["failed"] else str(row["state"])
        table.add_row(
            f"{row['ended_at']:%Y-%m-%d %H:%M}",
            str(row["job"]),
            state,
            f"{row['seconds']:.0f}",
            str(row["n_computed"]),
            str(row["verdict"] or "none"),
            str(row["config_version"]),
        )
    console.print(table)
    console.print("Repeat one with: trading-pipeline retrain --from-config SETTINGS")
    if json_path:
        records = [
            {
                str(name): value.isoformat() if str(name).endswith("_at") else plain(value)
                for name, value in row.items()
            }
            for _, row in runs.iterrows()
        ]
        write_json({"runs": records}, json_path)
