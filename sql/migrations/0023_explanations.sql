-- Why a model says what it says, and how well it does, regime by regime, before the hold-out.

create table ensemble.explanations (
    learner         varchar not null,
    feature         varchar not null,
    regime          varchar not null,
    importance      double not null,
    share_frac      double not null,
    rank            integer not null,
    relation        double,
    relation_low    double,
    relation_high   double,
    sign            integer,
    is_flipped      boolean not null,
    is_assessable   boolean not null,
    n_rows          bigint not null,
    n_sessions      integer not null,
    n_horizons      double not null,
    model_version   varchar not null,
    protocol_id     varchar not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table ensemble.explanations is
    'What moves the judged model: SHAP values of natural training rows, by learner, feature and regime.';
comment on column ensemble.explanations.learner is 'Base learner, or mean: the mean log odds of the learners, where the stack begins.';
comment on column ensemble.explanations.feature is 'Feature.';
comment on column ensemble.explanations.regime is 'all, or the point-in-time regime of the rows.';
comment on column ensemble.explanations.importance is '[log odds] Mean size of the feature''s contribution.';
comment on column ensemble.explanations.share_frac is '[fraction] Of the importance of all features of the learner and regime.';
comment on column ensemble.explanations.rank is '1 is the most important feature of the learner and regime.';
comment on column ensemble.explanations.relation is '[-1..1] Rank correlation of value and contribution; missing where either is constant.';
comment on column ensemble.explanations.relation_low is 'Lower end of its interval.';
comment on column ensemble.explanations.relation_high is 'Upper end of its interval.';
comment on column ensemble.explanations.sign is '1 or -1 where the interval is clear of zero, else 0; missing where it cannot be assessed.';
comment on column ensemble.explanations.is_flipped is 'Another regime has the opposite sign, and both are assessable.';
comment on column ensemble.explanations.is_assessable is 'Enough independent horizons.';
comment on column ensemble.explanations.n_rows is 'Rows explained.';
comment on column ensemble.explanations.n_sessions is 'Sessions explained.';
comment on column ensemble.explanations.n_horizons is 'Independent horizons: sessions / horizon.';
comment on column ensemble.explanations.model_version is 'Model explained.';
comment on column ensemble.explanations.protocol_id is 'Protocol.';
comment on column ensemble.explanations.run_id is 'Dagster run that wrote the row.';
comment on column ensemble.explanations.code_version is 'Hash of the code that computed the row.';
comment on column ensemble.explanations.data_version is 'Hash of the inputs the row was computed from.';
comment on column ensemble.explanations.config_version is 'Hash of the resolved settings.';

create table ensemble.validation (
    learner                 varchar not null,
    regime                  varchar not null,
    source                  varchar not null,
    events                  varchar not null,
    n_rows                  bigint not null,
    n_sessions              integer not null,
    n_horizons              double not null,
    is_assessable           boolean not null,
    auc                     double,
    auc_low                 double,
    auc_high                double,
    rank_ic                 double,
    rank_ic_low             double,
    rank_ic_high            double,
    accuracy                double,
    accuracy_low            double,
    accuracy_high           double,
    ece                     double,
    ece_low                 double,
    ece_high                double,
    calibration_slope       double,
    calibration_slope_low   double,
    calibration_slope_high  double,
    protocol_id             varchar not null,
    run_id                  varchar,
    code_version            varchar,
    data_version            varchar,
    config_version          varchar
);

comment on table ensemble.validation is
    'Five validation sets before the hold-out, one a regime: scores with n and intervals.';
comment on column ensemble.validation.learner is 'stack, or a base learner.';
comment on column ensemble.validation.regime is 'Point-in-time regime of a window row, the event''s own of an archive row.';
comment on column ensemble.validation.source is 'window: out-of-fold rows of the rolling window; archive: rare events, each left out and purged.';
comment on column ensemble.validation.events is 'Rare events scored, by date; empty for the window.';
comment on column ensemble.validation.n_rows is 'Rows scored.';
comment on column ensemble.validation.n_sessions is 'Sessions scored.';
comment on column ensemble.validation.n_horizons is 'Independent horizons: sessions / horizon.';
comment on column ensemble.validation.is_assessable is 'Enough independent horizons.';
comment on column ensemble.validation.auc is '[0..1] Area under the ROC curve.';
comment on column ensemble.validation.auc_low is 'Lower end of its interval.';
comment on column ensemble.validation.auc_high is 'Upper end of its interval.';
comment on column ensemble.validation.rank_ic is '[-1..1] Mean Spearman correlation per session.';
comment on column ensemble.validation.rank_ic_low is 'Lower end of its interval.';
comment on column ensemble.validation.rank_ic_high is 'Upper end of its interval.';
comment on column ensemble.validation.accuracy is '[0..1] At probability 0.5.';
comment on column ensemble.validation.accuracy_low is 'Lower end of its interval.';
comment on column ensemble.validation.accuracy_high is 'Upper end of its interval.';
comment on column ensemble.validation.ece is '[0..1] Expected calibration error.';
comment on column ensemble.validation.ece_low is 'Lower end of its interval, at least zero.';
comment on column ensemble.validation.ece_high is 'Upper end of its interval.';
comment on column ensemble.validation.calibration_slope is '[1] Logistic slope; 1 is calibrated.';
comment on column ensemble.validation.calibration_slope_low is 'Lower end of its interval.';
comment on column ensemble.validation.calibration_slope_high is 'Upper end of its interval.';
comment on column ensemble.validation.protocol_id is 'Protocol.';
comment on column ensemble.validation.run_id is 'Dagster run that wrote the row.';
comment on column ensemble.validation.code_version is 'Hash of the code that computed the row.';
comment on column ensemble.validation.data_version is 'Hash of the inputs the row was computed from.';
comment on column ensemble.validation.config_version is 'Hash of the resolved settings.';
