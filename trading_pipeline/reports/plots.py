"""Every picture by name: stage frames in, SVG text out; an empty frame gives its reason."""

from trading_pipeline.reports.plots_book import plot_drift, plot_equity, plot_monthly_returns
from trading_pipeline.reports.plots_effects import plot_effects
from trading_pipeline.reports.plots_events import plot_news
from trading_pipeline.reports.plots_explanations import plot_importance, plot_validation
from trading_pipeline.reports.plots_intraday import plot_volume_curve
from trading_pipeline.reports.plots_market import (
    plot_archive,
    plot_coverage,
    plot_price_regimes,
    plot_quarantine,
    plot_regime_counts,
    plot_selloffs,
)
from trading_pipeline.reports.plots_model import (
    plot_calibration,
    plot_feature_families,
    plot_folds,
    plot_label_balance,
    plot_oof,
    plot_roc,
    plot_scores,
)
from trading_pipeline.reports.plots_quality import plot_minute_coverage
from trading_pipeline.reports.plots_selloffs import (
    plot_selloff_equity,
    plot_selloff_features,
    plot_selloff_gallery,
    plot_selloff_hours,
    plot_selloff_reliability,
    plot_selloff_scanners,
)
from trading_pipeline.reports.plots_sweeps import plot_sweep_history, plot_sweep_importance
from trading_pipeline.reports.plots_tear_sheet import plot_cost_sensitivity, plot_drawdowns
from trading_pipeline.reports.svg import as_markdown_image

__all__ = [
    "as_markdown_image",
    "plot_archive",
    "plot_calibration",
    "plot_cost_sensitivity",
    "plot_coverage",
    "plot_drawdowns",
    "plot_drift",
    "plot_effects",
    "plot_equity",
    "plot_feature_families",
    "plot_folds",
    "plot_importance",
    "plot_label_balance",
    "plot_minute_coverage",
    "plot_monthly_returns",
    "plot_news",
    "plot_oof",
    "plot_price_regimes",
    "plot_quarantine",
    "plot_regime_counts",
    "plot_roc",
    "plot_scores",
    "plot_selloff_equity",
    "plot_selloff_features",
    "plot_selloff_gallery",
    "plot_selloff_hours",
    "plot_selloff_reliability",
    "plot_selloff_scanners",
    "plot_selloffs",
    "plot_sweep_history",
    "plot_sweep_importance",
    "plot_validation",
    "plot_volume_curve",
]
