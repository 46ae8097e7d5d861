"""The report of a run: one HTML file that needs nothing else."""

from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from trading_pipeline.contracts.report import ReportPayload
from trading_pipeline.reports.figures import key_figures
from trading_pipeline.reports.palette import theme
from trading_pipeline.reports.sections import sections
from trading_pipeline.reports.verdict import verdict_card
from trading_pipeline.reports.wording import is_missing

RUN_FACTS = (
    ("run_id", "run"),
    ("source", "source"),
    ("profile", "profile"),
    ("started", "started"),
    ("as_of", "as of"),
    ("home", "home"),
    ("model_version", "model version"),
    ("data_version", "data version"),
    ("code_version", "code version"),
    ("config_version", "config version"),
    ("seeds", "seeds"),
)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("trading_pipeline", "reports/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render_report(payload: ReportPayload) -> str:
    """Return the report as one HTML text: styles and pictures inside, no script, no request.

    The same payload gives the same text. A frame that is None or empty gives a sentence with its
    reason from `payload.notes`; a missing value is written as words, never as zero.
    """
    run = {key: value for key, value in payload.run.items() if not is_missing_fact(value)}
    commands = run.get("commands", ())
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            reality=payload.reality,
            card=verdict_card(payload.verdict, payload.verdict_rows),
            key_figures=key_figures(payload),
            sections=sections(payload),
            facts=[(name, run[key]) for key, name in RUN_FACTS if key in run],
            commands=[commands] if isinstance(commands, str) else list(commands),  # type: ignore[call-overload]
            theme_light=Markup(theme(dark=False)),
            theme_dark=Markup(theme(dark=True)),
        )
    )


def is_missing_fact(value: object) -> bool:
    """Tell whether a fact about the run is absent; a list of commands is not."""
    return False if isinstance(value, list | tuple | dict) else is_missing(value)
