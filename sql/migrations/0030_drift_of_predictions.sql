-- How the live scores and the regimes have moved, and how good the resolved predictions were.

create table drift.predictions (
    model_version   varchar not null,
    session_date    date not null,
    session         integer not null,
    n_rows          bigint not null,
    psi             double,
    threshold       double,
    is_spread       boolean not null,
    n_spread        integer not null,
    n_resolved      bigint not null,
    n_horizons      double not null,
    auc             double,
    auc_low         double,
    auc_high        double,
    hit_rate        double,
    is_worse        boolean not null,
    n_worse         integer not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table drift.predictions is
    'Scores of the model in service per live session: their spread, and what their outcomes say.';
comment on column drift.predictions.model_version is 'Model in service.';
comment on column drift.predictions.session_date is 'Exchange session.';
comment on column drift.predictions.session is 'Ordinal in the exchange calendar.';
comment on column drift.predictions.n_rows is 'Predictions said of the session.';
comment on column drift.predictions.psi is 'Population stability index of the last window''s log odds beside their session''s median, against the hold-out; missing where not assessable.';
comment on column drift.predictions.threshold is 'Its quantile among windows inside the hold-out.';
comment on column drift.predictions.is_spread is 'Beyond both the threshold and the fixed limit.';
comment on column drift.predictions.n_spread is '[sessions] Running sessions beyond.';
comment on column drift.predictions.n_resolved is 'Outcomes that were resolved by the close, of the last horizons.';
comment on column drift.predictions.n_horizons is 'Independent horizons: sessions / horizon.';
comment on column drift.predictions.auc is '[0..1] Live AUC of these against the training label; missing where not assessable.';
comment on column drift.predictions.auc_low is '[0..1] Lower end of its interval.';
comment on column drift.predictions.auc_high is '[0..1] Upper end of its interval.';
comment on column drift.predictions.hit_rate is '[0..1] Share of hit_excess; for display.';
comment on column drift.predictions.is_worse is 'The upper end of the live AUC lies below 0.50.';
comment on column drift.predictions.n_worse is '[sessions] Running sessions worse than chance.';
comment on column drift.predictions.run_id is 'Dagster run that wrote the row.';
comment on column drift.predictions.code_version is 'Hash of the code that computed the row.';
comment on column drift.predictions.data_version is 'Hash of the inputs the row was computed from.';
comment on column drift.predictions.config_version is 'Hash of the resolved settings.';

create table drift.regimes (
    model_version   varchar not null,
    session_date    date not null,
    regime          varchar not null,
    share_trained   double,
    share_live      double,
    threshold       double,
    is_drifted      boolean not null,
    n_trained       bigint not null,
    n_live          bigint not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table drift.regimes is
    'Share of each regime in the last window against the training window; watched only.';
comment on column drift.regimes.model_version is 'Model in service.';
comment on column drift.regimes.session_date is 'Last session of the live window.';
comment on column drift.regimes.regime is 'Point-in-time regime.';
comment on column drift.regimes.share_trained is '[0..1] Share of the training sessions.';
comment on column drift.regimes.share_live is '[0..1] Share of the last window; missing where not assessable.';
comment on column drift.regimes.threshold is '[0..1] Quantile of that share among windows inside the training span.';
comment on column drift.regimes.is_drifted is 'The live share lies beyond the threshold.';
comment on column drift.regimes.n_trained is 'Training sessions.';
comment on column drift.regimes.n_live is 'Live sessions of the window.';
comment on column drift.regimes.run_id is 'Dagster run that wrote the row.';
comment on column drift.regimes.code_version is 'Hash of the code that computed the row.';
comment on column drift.regimes.data_version is 'Hash of the inputs the row was computed from.';
comment on column drift.regimes.config_version is 'Hash of the resolved settings.';
