-- How far live data have moved, and the one retrain each episode asks for.

create schema if not exists drift;

create table drift.features (
    model_version   varchar not null,
    session_date    date not null,
    feature         varchar not null,
    psi             double,
    ks              double,
    threshold       double,
    is_drifted      boolean not null,
    status          varchar not null,
    n_reference     bigint not null,
    n_live          bigint not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table drift.features is
    'PSI of each feature against the training window of the model in service, at the last session.';
comment on column drift.features.model_version is 'Model in service.';
comment on column drift.features.session_date is 'Last session of the live window.';
comment on column drift.features.feature is 'Name in the catalogue.';
comment on column drift.features.psi is 'Population stability index; missing where not assessable.';
comment on column drift.features.ks is '[0..1] Largest distance of the two distribution functions.';
comment on column drift.features.threshold is 'Block-bootstrapped threshold.';
comment on column drift.features.is_drifted is 'Beyond both the threshold and the fixed limit.';
comment on column drift.features.status is 'stable, watch, drifted, or not_assessable.';
comment on column drift.features.n_reference is 'Training values.';
comment on column drift.features.n_live is 'Live values.';
comment on column drift.features.run_id is 'Dagster run that wrote the row.';
comment on column drift.features.code_version is 'Hash of the code that computed the row.';
comment on column drift.features.data_version is 'Hash of the inputs the row was computed from.';
comment on column drift.features.config_version is 'Hash of the resolved settings.';

create table drift.sessions (
    model_version    varchar not null,
    session_date     date not null,
    session          integer not null,
    share_drifted    double,
    share_threshold  double,
    is_beyond        boolean not null,
    n_running        integer not null,
    age_sessions     integer not null,
    run_id           varchar,
    code_version     varchar,
    data_version     varchar,
    config_version   varchar
);

comment on table drift.sessions is
    'Share of drifted features per live session.';
comment on column drift.sessions.model_version is 'Model in service.';
comment on column drift.sessions.session_date is 'Exchange session.';
comment on column drift.sessions.session is 'Ordinal in the exchange calendar.';
comment on column drift.sessions.share_drifted is '[0..1] Share of features beyond their threshold; missing where not assessable.';
comment on column drift.sessions.share_threshold is '[0..1] Training quantile of that share.';
comment on column drift.sessions.is_beyond is 'The share lies beyond its threshold.';
comment on column drift.sessions.n_running is '[sessions] Running sessions beyond it.';
comment on column drift.sessions.age_sessions is '[sessions] Sessions ingested since training ended.';
comment on column drift.sessions.run_id is 'Dagster run that wrote the row.';
comment on column drift.sessions.code_version is 'Hash of the code that computed the row.';
comment on column drift.sessions.data_version is 'Hash of the inputs the row was computed from.';
comment on column drift.sessions.config_version is 'Hash of the resolved settings.';

create table drift.episodes (
    episode_id      varchar not null,
    model_version   varchar not null,
    opened_date     date not null,
    reason          varchar not null,
    share_drifted   double,
    last_date       date not null,
    state           varchar not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table drift.episodes is
    'One spell of drift; asks for one retrain.';
comment on column drift.episodes.episode_id is 'Model and opening session.';
comment on column drift.episodes.model_version is 'Model in service.';
comment on column drift.episodes.opened_date is 'Session in which the policy fired.';
comment on column drift.episodes.reason is 'features or age.';
comment on column drift.episodes.share_drifted is '[0..1] Share of features at the opening.';
comment on column drift.episodes.last_date is 'Last session of the spell.';
comment on column drift.episodes.state is 'open, cooled or promoted.';
comment on column drift.episodes.run_id is 'Dagster run that wrote the row.';
comment on column drift.episodes.code_version is 'Hash of the code that computed the row.';
comment on column drift.episodes.data_version is 'Hash of the inputs the row was computed from.';
comment on column drift.episodes.config_version is 'Hash of the resolved settings.';

create table drift.requests (
    episode_id    varchar primary key,
    run_key       varchar not null,
    bars_version  varchar not null,
    requested_at  timestamptz not null
);

comment on table drift.requests is
    'The retrain an episode asked for; one row per episode.';
comment on column drift.requests.episode_id is 'Episode.';
comment on column drift.requests.run_key is 'Key of the run request.';
comment on column drift.requests.bars_version is 'Content of bars.daily at the request; one retrain per data version.';
comment on column drift.requests.requested_at is 'When.';
