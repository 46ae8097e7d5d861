"""Progress of a run in the terminal: one line per finished asset, a bar with an ETA below."""

from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from trading_pipeline.contracts.steps import step_of

# Shares of a first run; later runs use the seconds the warehouse remembers.
TYPICAL_SECONDS: Mapping[str, float] = {
    "features.selected": 8.0,
    "sweeps.lightgbm": 20.0,
    "sweeps.xgboost": 25.0,
    "sweeps.catboost": 30.0,
    "ensemble.oof": 15.0,
    "ensemble.model": 6.0,
    "ensemble.deployed": 6.0,
    "ensemble.holdout": 4.0,
    "drift.features": 4.0,
    "drift.sessions": 4.0,
}
OTHER_SECONDS = 0.7


class TerminalProgress:
    """Shows assets as they finish; on a terminal also a live bar with the time left."""

    def __init__(self, console: Console, known: Mapping[str, float]) -> None:
        self.console = console
        self.known = known
        self.weights: dict[str, float] = {}
        self.n_done = 0
        self.rows: dict[str, tuple[float, int, bool]] = {}
        self.warnings: list[str] = []
        self.step = 0
        self.bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[eta]}"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self.task = self.bar.add_task("starting", total=1.0, eta="")

    def expect(self, assets: list[str]) -> None:
        """Say which assets will come, so that the bar knows its length."""
        self.weights = {
            name: max(self.known.get(name, TYPICAL_SECONDS.get(name, OTHER_SECONDS)), 0.05)
            for name in assets
        }
        self.bar.update(self.task, total=sum(self.weights.values()))

    def __enter__(self) -> "TerminalProgress":
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def started(self, asset: str) -> None:
        """Name the step and the asset that run now."""
        step = step_of(asset)
        if step.number != self.step:
            self.step = step.number
            self.console.print(f"[bold]{step.words}[/]", highlight=False)
        self.bar.update(self.task, description=f"{step.words}: {asset}")

    def warned(self, asset: str, text: str) -> None:
        """Print what is wrong and stops nothing, so that nobody overlooks it."""
        self.warnings.append(f"{asset}: {text}")
        self.console.print(f"[bold red]warning:[/] {escape(text)}", highlight=False)

    def advanced(self, asset: str, done: int, total: int, what: str) -> None:
        """Show how far inside an asset the run is."""
        finished = sum(self.weights.get(name, 0.0) for name in self.rows)
        within = self.weights.get(asset, 0.0) * done / max(total, 1)
        self._move(finished + within, f"{asset} {done}/{total} {what}")
        if not self.console.is_terminal:
            self.console.print(f"      {asset}: {done}/{total} {what}", highlight=False)

    def finished(self, asset: str, seconds: float, n_rows: int, is_reused: bool) -> None:
        """Print the asset's line and move the bar."""
        self.n_done += 1
        self.rows[asset] = (seconds, n_rows, is_reused)
        note = "up to date" if is_reused else f"{seconds:6.1f} s"
        self.console.print(
            f"[dim]{self.n_done:>3}/{len(self.weights)}[/] {asset:<26} {n_rows:>12,} rows  {note}",
            highlight=False,
        )
        self._move(sum(self.weights.get(name, 0.0) for name in self.rows), asset)

    def _move(self, completed: float, description: str) -> None:
        task = self.bar.tasks[self.task]
        elapsed, total = task.elapsed or 0.0, task.total or 1.0
        # Weights come from other runs; the pace of this one turns them into time left.
        left = elapsed / completed * (total - completed) if completed > 0 else 0.0
        eta = f"about {int(left // 60)}:{int(left % 60):02d} left" if completed > 0 else ""
        self.bar.update(self.task, completed=completed, description=description, eta=eta)
