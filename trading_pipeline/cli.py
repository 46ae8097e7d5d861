"""The commands. Exit code 0: the work was done; 2: bad input; 1: fault; 130: Ctrl-C."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from trading_pipeline.commands.options import (
    By,
    ConfigFile,
    Data,
    Day,
    DryRun,
    End,
    Home,
    JsonPath,
    ModelName,
    OwnFeatures,
    Profile,
    Reason,
    RenewProtocol,
    SetAndForget,
    Signal,
    SourceKind,
    Start,
    Suite,
    Symbols,
    source_flags,
)
from trading_pipeline.commands.scan_app import scan
from trading_pipeline.contracts.errors import InputError, RunFailedError
from trading_pipeline.settings import default_home, load_settings

app = typer.Typer(
    name="trading-pipeline",
    help="From bars to a judged model: research and paper trading on one machine.",
    epilog="Exit codes: 0 the work was done, 1 fault or a missed bar, 2 bad input, 130 Ctrl-C.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# What Typer ends with after Ctrl-C, as shells do: 128 + SIGINT.
INTERRUPTED = 130
DUCKDB_INTERRUPTED = "Query interrupted"
console = Console(soft_wrap=True)
errors = Console(stderr=True, soft_wrap=True)


@app.command()
def run(
    source: SourceKind = None,
    data: Data = None,
    symbols: Symbols = None,
    start: Start = None,
    end: End = None,
    profile: Profile = None,
    own_features: OwnFeatures = None,
    home: Home = None,
    config: ConfigFile = None,
    json_path: JsonPath = None,
    dry_run: DryRun = False,
    force: Annotated[bool, typer.Option("--force", help="Compute what is up to date too.")] = False,
) -> None:
    """Run the whole graph: bars become a judged model and a report."""
    flags = source_flags(source, data, symbols, start, end, profile, own_features)
    _launch("weekly_retrain", home, config, flags, json_path, dry_run, force)


@app.command()
def ingest(
    source: SourceKind = None,
    data: Data = None,
    symbols: Symbols = None,
    start: Start = None,
    end: End = None,
    own_features: OwnFeatures = None,
    home: Home = None,
    config: ConfigFile = None,
    json_path: JsonPath = None,
    dry_run: DryRun = False,
) -> None:
    """Bring bars, regimes, features and drift up to date; train nothing."""
    flags = source_flags(source, data, symbols, start, end, None, own_features)
    _launch("daily_update", home, config, flags, json_path, dry_run, False)


def _launch(
    job: str,
    home: Path | None,
    config: Path | None,
    flags: dict[str, Any],
    json_path: Path | None,
    dry_run: bool,
    force: bool,
) -> None:
    console.print("trading-pipeline: reading settings and source ...", highlight=False)
    settings = load_settings(config_file=config, flags=flags)
    from trading_pipeline.commands.dry_run import print_dry_run
    from trading_pipeline.commands.run import check_source, prepare, run_job

    target = _home(home)
    if dry_run:
        check_source(settings, target, is_dry=True)
        print_dry_run(console, target, settings, job, json_path, is_forced=force)
        return
    prepared = prepare(target, settings)
    run_job(console, prepared, job, json_path=json_path, is_forced=force)


@app.command()
def retrain(
    from_config: Annotated[str, typer.Option(help="Config version of an earlier run.")] = "",
    set_and_forget: SetAndForget = False,
    renew_protocol: RenewProtocol = False,
    home: Home = None,
    json_path: JsonPath = None,
    dry_run: DryRun = False,
) -> None:
    """Retrain with the home's settings, or with those of an earlier run."""
    from trading_pipeline.commands.dry_run import print_dry_run
    from trading_pipeline.commands.run import check_source, run_job
    from trading_pipeline.commands.service import foreseen_settings, prepare_retrain

    target = _home(home)
    if dry_run:
        settings = foreseen_settings(target, from_config, set_and_forget, renew_protocol)
        check_source(settings, target, is_dry=True)
        print_dry_run(console, target, settings, "weekly_retrain", json_path)
        return
    prepared = prepare_retrain(target, from_config, set_and_forget, renew_protocol)
    run_job(console, prepared, json_path=json_path)


@app.command()
def promote(
    reason: Reason,
    by: By,
    model: ModelName = "daily",
    home: Home = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Promote although the gate did not pass it.")
    ] = False,
) -> None:
    """Put the challenger in service: a human's decision."""
    from trading_pipeline.commands.service import promote_challenger

    console.print(promote_challenger(_home(home), by, reason, anyway=anyway, model=model))


@app.command()
def rollback(
    reason: Reason,
    by: By,
    model: ModelName = "daily",
    home: Home = None,
) -> None:
    """Return to the champion before this one."""
    from trading_pipeline.commands.service import roll_back

    console.print(roll_back(_home(home), by, reason, model))


@app.command()
def drift(home: Home = None, json_path: JsonPath = None) -> None:
    """Show how far live data have moved, and the episodes."""
    from trading_pipeline.commands.service import show_drift

    show_drift(console, _home(home), json_path)


@app.command()
def history(
    last: Annotated[int, typer.Option("--last", min=1, metavar="N", help="Newest runs.")] = 20,
    home: Home = None,
    json_path: JsonPath = None,
) -> None:
    """Show the training log: every run with its time, tables, versions and verdict."""
    from trading_pipeline.commands.history import show_history

    show_history(console, _home(home), last, json_path)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option("--out", help="Market folder to write.")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same market.")],
    signal: Annotated[Signal, typer.Option("--signal", help="What is planted.")] = "none",
    oracle_auc: Annotated[
        float | None,
        typer.Option("--oracle-auc", help="AUC of the planted truth itself, 0.5 (none) to 0.95."),
    ] = None,
    symbols: Annotated[
        int | None, typer.Option("--symbols", metavar="N", help="Number of symbols.")
    ] = None,
    sessions: Annotated[
        int | None, typer.Option("--sessions", metavar="N", help="Number of sessions.")
    ] = None,
    first_session: Day = None,
    minute_sessions: Annotated[
        int | None, typer.Option(metavar="N", help="Last sessions that also get minute bars.")
    ] = None,
    extra_sessions: Annotated[
        int, typer.Option(min=0, metavar="N", help="Sessions appended; earlier rows stay the same.")
    ] = 0,
    shift_sessions: Annotated[
        int, typer.Option(min=0, metavar="N", help="Plant a shift in the last N sessions.")
    ] = 0,
    shift_factor: Annotated[
        float, typer.Option(min=0.1, help="How many times as volatile the shift is.")
    ] = 2.5,
) -> None:
    """Make a market whose truth is known: bars, VIX, sectors, quotes, and the oracle's scores."""
    from trading_pipeline.commands.simulate import write_simulation

    given = {
        "seed": seed,
        "signal": signal,
        "oracle_auc": oracle_auc,
        "n_symbols": symbols,
        "n_sessions": sessions,
        "first_session": first_session.date() if first_session else None,
        "minute_sessions": minute_sessions,
    }
    simulation = {k: v for k, v in given.items() if v is not None}
    settings = load_settings(flags={"source": {"simulation": simulation}})
    write_simulation(
        console,
        out,
        settings.source.simulation,
        extra_sessions,
        shift_sessions,
        volatility_factor=shift_factor,
    )


@app.command()
def features(
    data: Annotated[Path, typer.Option("--data", help="Market folder.")],
    out: Annotated[Path, typer.Option("--out", help="Parquet file to write.")],
    feature_set: Annotated[
        str, typer.Option("--set", help="daily, intraday, alpha158 or factors14.")
    ] = "daily",
    threads: Annotated[
        int, typer.Option("--threads", min=1, help="At most so many; the daily set takes one.")
    ] = 1,
    symbols: Symbols = None,
    start: Start = None,
    end: End = None,
    own_features: OwnFeatures = None,
    config: ConfigFile = None,
    dry_run: DryRun = False,
) -> None:
    """Compute a feature set of a market folder to Parquet, without a home."""
    from trading_pipeline.commands.features import write_features

    if own_features and feature_set != "daily":
        raise InputError(f"the set {feature_set} has no features of your own; give --set daily")
    flags = source_flags("files", data, symbols, start, end, None, own_features)
    flags["runtime"] = {"threads": threads}
    write_features(
        console, load_settings(config_file=config, flags=flags), feature_set, out, dry_run
    )


@app.command()
def ui(
    home: Home = None,
    port: Annotated[int, typer.Option(help="Dagster's port; MLflow and reports follow.")] = 3000,
) -> None:
    """Open Dagster, MLflow and the reports on loopback."""
    from trading_pipeline.commands.ui import serve

    serve(console, _home(home), port)


@app.command()
def doctor(
    own_features: OwnFeatures = None,
    home: Home = None,
    config: ConfigFile = None,
    json_path: JsonPath = None,
    leaks: Annotated[
        bool,
        typer.Option("--leaks", help="Prove that no feature and no fit reads the future."),
    ] = False,
) -> None:
    """Check the machine, the packages, the home and its tables, and features of your own."""
    from trading_pipeline.commands.doctor import examine
    from trading_pipeline.commands.leaks import prove

    if leaks:
        flags = source_flags(None, None, None, None, None, None, own_features)
        if not prove(console, load_settings(config_file=config, flags=flags), json_path):
            raise typer.Exit(1)
        return
    if not examine(console, _home(home), json_path, own_features):
        raise typer.Exit(1)


@app.command()
def truth(
    quick: Annotated[
        bool, typer.Option("--quick", help="22 small markets, two learners; the default.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Every market of the standards; takes a night.")
    ] = False,
    data: Annotated[
        Path | None, typer.Option("--data", help="Market folder made elsewhere, instead.")
    ] = None,
    oracle: Annotated[
        Path | None,
        typer.Option("--oracle", metavar="FILE", help="Its symbol, session_date, oracle_score."),
    ] = None,
    home: Home = None,
    config: ConfigFile = None,
    json_path: JsonPath = None,
) -> None:
    """Put markets whose answer is known through training; exit code 1 where a bar is missed."""
    from trading_pipeline.commands.truth import prove_truth

    if quick and full:
        raise InputError("--quick and --full exclude each other; give one")
    settings = load_settings(config_file=config)
    suite: Suite = "full" if full else "quick"
    if not prove_truth(console, _home(home), settings, suite, data, oracle, json_path):
        raise typer.Exit(1)


@app.command()
def migrate(home: Home = None) -> None:
    """Bring a home of an older version forward; the old warehouse is kept as a backup."""
    from trading_pipeline.commands.service import migrate_home

    console.print(migrate_home(_home(home)))


@app.command()
def export(
    table: Annotated[str, typer.Argument(help="stage.table, such as gate.verdicts.")],
    path: Annotated[Path, typer.Argument(help="Parquet, CSV or JSON file to write.")],
    home: Home = None,
) -> None:
    """Write a table to a file."""
    from trading_pipeline.commands.service import export_table

    console.print(export_table(_home(home), table, path))


@app.command()
def demo(
    home: Home = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same market.")] = 7,
) -> None:
    """Turn the whole loop on a planted market: promote, drift, retrain, decide, roll back."""
    from trading_pipeline.commands.demo import turn_the_loop

    turn_the_loop(console, _home(home) if home else None, seed)


app.command()(scan)


def _home(home: Path | None) -> Path:
    return (home or default_home()).expanduser().resolve()


def _say_stopped() -> None:
    errors.print("stopped; what was finished is kept, run again to go on", highlight=False)


def main() -> None:
    """Run the command line; every failure is one clear message and the right exit code."""
    try:
        app()
    except InputError as error:
        errors.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False)
        sys.exit(2)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            _say_stopped()
        raise
    except RuntimeError as error:
        # DuckDB tells of Ctrl-C in its own words.
        if str(error) != DUCKDB_INTERRUPTED:
            raise
        _say_stopped()
        sys.exit(INTERRUPTED)
    except RunFailedError as error:
        errors.print(f"[bold red]fault:[/] {escape(str(error))}", highlight=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
