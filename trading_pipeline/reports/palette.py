"""Colours of the charts: safe for colour-blind readers, themed by the page, whole without one.

Every colour is a CSS variable with a fallback, so that one SVG follows the page's light or dark
theme and also stands alone as an image on white. Source: Okabe and Ito, *Color Universal
Design* (2008), adapted.
"""

from typing import Final

from trading_pipeline.contracts.vocabulary import REGIMES, UNKNOWN_REGIME

SERIES: Final = ("s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8")
REGIME_ORDER: Final = (*REGIMES, UNKNOWN_REGIME)
REGIME_CLASS: Final = {regime: f"r-{regime.replace('_', '-')}" for regime in REGIME_ORDER}
ROLE_CLASS: Final = {
    "train": "f-train",
    "purge": "f-purge",
    "test": "f-test",
    "embargo": "f-embargo",
    "holdout": "f-holdout",
}

# Shades of a heat map from nothing to all.
HEAT: Final = ("h-0", "h-1", "h-2", "h-3", "h-4")

# Variable: light, dark.
COLOURS: Final = {
    "bg": ("#ffffff", "#161c26"),
    "ink": ("#1b2430", "#e6ebf2"),
    "mute": ("#5b6676", "#9fabbb"),
    "grid": ("#e3e7ed", "#2a3342"),
    "axis": ("#9aa5b4", "#556174"),
    "s1": ("#0a62a6", "#5eb1f0"),
    "s2": ("#d2560a", "#f58f4d"),
    "s3": ("#078a66", "#35c49b"),
    "s4": ("#a8437f", "#e08bbd"),
    "s5": ("#b07c00", "#e6b93f"),
    "s6": ("#4c4fb0", "#9da0f2"),
    "s7": ("#5b6676", "#a5b0bf"),
    "s8": ("#2d93bd", "#79cdec"),
    "good": ("#078a66", "#35c49b"),
    "bad": ("#b3202c", "#ff7b7f"),
    "r-crash": ("#b3202c", "#f2555c"),
    "r-recovery": ("#7247a8", "#b48cf0"),
    "r-high-volatility": ("#eb9a1f", "#f0b13e"),
    "r-normal": ("#aab4c1", "#657184"),
    "r-low-volatility": ("#3f97d1", "#4aa6e0"),
    "r-unknown": ("#dfe3e9", "#384253"),
    "f-train": ("#3f7fb5", "#4a90cc"),
    "f-purge": ("#454f5d", "#c3ccd8"),
    "f-test": ("#eb9a1f", "#f0b13e"),
    "f-embargo": ("#a9b3c0", "#6d7a8c"),
    "f-holdout": ("#8a3f9c", "#c184d4"),
    "h-0": ("#dfe3e9", "#384253"),
    "h-1": ("#d2560a", "#f58f4d"),
    "h-2": ("#f0b27e", "#a8602f"),
    "h-3": ("#8fc1e6", "#2f6a9c"),
    "h-4": ("#0a62a6", "#5eb1f0"),
}


def theme(dark: bool) -> str:
    """Return the CSS declarations that give every chart variable its colour."""
    return "".join(f"--c-{name}:{pair[dark]};" for name, pair in COLOURS.items())


def _rules() -> str:
    def var(name: str) -> str:
        return f"var(--c-{name},{COLOURS[name][0]})"

    fixed = (
        f".tpc{{font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;font-size:12px;"
        f"font-variant-numeric:tabular-nums}}.tpc .bg{{fill:{var('bg')}}}"
        f".tpc text{{fill:{var('ink')}}}.tpc .title{{font-size:14px;font-weight:650}}"
        f".tpc .mute{{fill:{var('mute')}}}.tpc .grid{{stroke:{var('grid')}}}"
        f".tpc .axis{{stroke:{var('axis')}}}.tpc .ref{{stroke:{var('mute')};"
        "stroke-dasharray:4 3}.tpc .line{fill:none;stroke-linejoin:round}"
        ".tpc .dash{stroke-dasharray:5 4}.tpc .shade{opacity:.2}.tpc .area{opacity:.22}"
        f".tpc .soft{{opacity:.45}}.tpc .halo{{paint-order:stroke;stroke:{var('bg')};"
        "stroke-width:3px;stroke-linejoin:round}"
    )
    names = [name for name in COLOURS if name not in ("bg", "mute", "grid", "axis")]
    filled = "".join(f".tpc .{n}{{fill:{var(n)}}}.tpc .k-{n}{{stroke:{var(n)}}}" for n in names)
    return fixed + filled


STYLE: Final = _rules()
