-- What the models in service said before the fact, and what followed.

create schema if not exists predictions;

create table predictions.live (
    prediction_id     varchar not null,
    symbol            varchar not null,
    session_date      date not null,
    session           integer not null,
    role              varchar not null,
    model_version     varchar not null,
    probability       double not null,
    known_at          timestamptz not null,
    predicted_at      timestamptz not null,
    horizon_sessions  integer not null,
    regime            varchar not null,
    reasons           varchar not null,
    is_backfilled     boolean not null,
    run_id            varchar,
    code_version      varchar,
    data_version      varchar,
    config_version    varchar
);

comment on table predictions.live is
    'What each model in service said of each equity after a session''s close: appended, never rewritten.';
comment on column predictions.live.prediction_id is 'Role, model, symbol and session.';
comment on column predictions.live.symbol is 'Ticker.';
comment on column predictions.live.session_date is 'Session of the decision.';
comment on column predictions.live.session is 'Its ordinal.';
comment on column predictions.live.role is 'champion or shadow.';
comment on column predictions.live.model_version is 'Model that spoke.';
comment on column predictions.live.probability is '[0..1] Chance of label 1, calibrated.';
comment on column predictions.live.known_at is '[UTC] When the row''s features were known.';
comment on column predictions.live.predicted_at is '[UTC] The decision: 18:00 New York of the session.';
comment on column predictions.live.horizon_sessions is '[sessions] How far ahead it looks.';
comment on column predictions.live.regime is 'Point-in-time regime of the session.';
comment on column predictions.live.reasons is 'JSON list of [feature, SHAP value in log odds], largest first.';
comment on column predictions.live.is_backfilled is 'Later sessions were in the data already when it was written.';
comment on column predictions.live.run_id is 'Dagster run that wrote the row.';
comment on column predictions.live.code_version is 'Hash of the code that computed the row.';
comment on column predictions.live.data_version is 'Hash of the inputs the row was computed from.';
comment on column predictions.live.config_version is 'Hash of the resolved settings.';

create schema if not exists outcomes;

create table outcomes.resolved (
    prediction_id       varchar not null,
    symbol              varchar not null,
    session_date        date not null,
    session             integer not null,
    role                varchar not null,
    model_version       varchar not null,
    probability         double not null,
    regime              varchar not null,
    horizon_sessions    integer not null,
    end_session         integer not null,
    end_date            date not null,
    raw_return_frac     double,
    excess_return_frac  double,
    label               integer,
    mfe_frac            double,
    mae_frac            double,
    sessions_to_peak    integer,
    hit_raw             boolean,
    hit_excess          boolean,
    status              varchar not null,
    known_at            timestamptz not null,
    run_id              varchar,
    code_version        varchar,
    data_version        varchar,
    config_version      varchar
);

comment on table outcomes.resolved is
    'What followed each prediction whose label span has closed: appended, never rewritten.';
comment on column outcomes.resolved.prediction_id is 'Prediction of predictions.live.';
comment on column outcomes.resolved.symbol is 'Ticker.';
comment on column outcomes.resolved.session_date is 'Session of the decision.';
comment on column outcomes.resolved.session is 'Its ordinal.';
comment on column outcomes.resolved.role is 'champion or shadow.';
comment on column outcomes.resolved.model_version is 'Model that spoke.';
comment on column outcomes.resolved.probability is '[0..1] What it said; above one half it foresaw a rise.';
comment on column outcomes.resolved.regime is 'Point-in-time regime of the session.';
comment on column outcomes.resolved.horizon_sessions is '[sessions] How far ahead it looked.';
comment on column outcomes.resolved.end_session is 'Last session of the span.';
comment on column outcomes.resolved.end_date is 'Date of the exit: that of end_session, or the last bar of a symbol that ended before.';
comment on column outcomes.resolved.raw_return_frac is '[fraction] Exit against entry, as in labels.direction; missing where never entered.';
comment on column outcomes.resolved.excess_return_frac is '[fraction] raw_return_frac above the universe''s median.';
comment on column outcomes.resolved.label is 'Training label: 1 or 0; missing where there is none.';
comment on column outcomes.resolved.mfe_frac is '[fraction] Best excursion in the predicted direction, never below 0.';
comment on column outcomes.resolved.mae_frac is '[fraction] Worst excursion in the predicted direction, never above 0.';
comment on column outcomes.resolved.sessions_to_peak is '[sessions] From the decision to the best excursion; missing where there was none.';
comment on column outcomes.resolved.hit_raw is 'The raw return reached the least move of a hit in the predicted direction; for display.';
comment on column outcomes.resolved.hit_excess is 'The excess return ended on the predicted side of zero.';
comment on column outcomes.resolved.status is 'traded, skipped or missed: what the book of the settings did with it.';
comment on column outcomes.resolved.known_at is '[UTC] When the outcome was first known.';
comment on column outcomes.resolved.run_id is 'Dagster run that wrote the row.';
comment on column outcomes.resolved.code_version is 'Hash of the code that computed the row.';
comment on column outcomes.resolved.data_version is 'Hash of the inputs the row was computed from.';
comment on column outcomes.resolved.config_version is 'Hash of the resolved settings.';

create table outcomes.tracking (
    role               varchar not null,
    level              varchar not null,
    name               varchar not null,
    position           integer not null,
    n_rows             bigint not null,
    n_sessions         integer not null,
    n_horizons         double not null,
    is_assessable      boolean not null,
    hit_rate           double,
    hit_rate_low       double,
    hit_rate_high      double,
    raw_hit_rate       double,
    auc                double,
    auc_low            double,
    auc_high           double,
    ece                double,
    calibration_slope  double,
    run_id             varchar,
    code_version       varchar,
    data_version       varchar,
    config_version     varchar
);

comment on table outcomes.tracking is
    'Resolved predictions of each role, all and by GICS sector and symbol, the worst first.';
comment on column outcomes.tracking.role is 'champion or shadow.';
comment on column outcomes.tracking.level is 'all, sector or symbol.';
comment on column outcomes.tracking.name is 'Sector or ticker; all for the whole.';
comment on column outcomes.tracking.position is 'Rank from the lowest AUC on; those not assessable come last.';
comment on column outcomes.tracking.n_rows is 'Resolved predictions with a label.';
comment on column outcomes.tracking.n_sessions is 'Sessions they were said in.';
comment on column outcomes.tracking.n_horizons is 'Independent horizons: sessions / horizon.';
comment on column outcomes.tracking.is_assessable is 'Enough independent horizons, and both labels.';
comment on column outcomes.tracking.hit_rate is '[0..1] Share of hit_excess.';
comment on column outcomes.tracking.hit_rate_low is '[0..1] Lower end of its interval.';
comment on column outcomes.tracking.hit_rate_high is '[0..1] Upper end of its interval.';
comment on column outcomes.tracking.raw_hit_rate is '[0..1] Share of hit_raw; for display.';
comment on column outcomes.tracking.auc is '[0..1] Area under the ROC curve against the training label.';
comment on column outcomes.tracking.auc_low is '[0..1] Lower end of its interval.';
comment on column outcomes.tracking.auc_high is '[0..1] Upper end of its interval.';
comment on column outcomes.tracking.ece is '[0..1] Expected calibration error.';
comment on column outcomes.tracking.calibration_slope is '[1] Logistic slope; 1 is calibrated.';
comment on column outcomes.tracking.run_id is 'Dagster run that wrote the row.';
comment on column outcomes.tracking.code_version is 'Hash of the code that computed the row.';
comment on column outcomes.tracking.data_version is 'Hash of the inputs the row was computed from.';
comment on column outcomes.tracking.config_version is 'Hash of the resolved settings.';
