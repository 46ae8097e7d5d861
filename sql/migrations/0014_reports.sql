-- What people read, and where runs were tracked.

create schema if not exists reports;

create table reports.runs (
    path            varchar not null,
    as_of_date      date not null,
    model_version   varchar not null,
    verdict         varchar not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table reports.runs is
    'The newest report: one self-contained HTML file.';
comment on column reports.runs.path is 'File relative to the home.';
comment on column reports.runs.as_of_date is 'Last session of the data it speaks of.';
comment on column reports.runs.model_version is 'Version put in shadow by the run.';
comment on column reports.runs.verdict is 'What the gate said.';
comment on column reports.runs.run_id is 'Dagster run that wrote the row.';
comment on column reports.runs.code_version is 'Hash of the code that computed the row.';
comment on column reports.runs.data_version is 'Hash of the inputs the row was computed from.';
comment on column reports.runs.config_version is 'Hash of the resolved settings.';

create table reports.tracking (
    state                 varchar not null,
    detail                varchar not null,
    mlflow_run_id         varchar,
    mlflow_model_version  varchar,
    model_version         varchar not null,
    run_id                varchar,
    code_version          varchar,
    data_version          varchar,
    config_version        varchar
);

comment on table reports.tracking is
    'Whether MLflow took the run.';
comment on column reports.tracking.state is 'logged, disabled or unavailable.';
comment on column reports.tracking.detail is 'Why, in words.';
comment on column reports.tracking.mlflow_run_id is 'Parent run.';
comment on column reports.tracking.mlflow_model_version is 'Version in the registry.';
comment on column reports.tracking.model_version is 'Our version.';
comment on column reports.tracking.run_id is 'Dagster run that wrote the row.';
comment on column reports.tracking.code_version is 'Hash of the code that computed the row.';
comment on column reports.tracking.data_version is 'Hash of the inputs the row was computed from.';
comment on column reports.tracking.config_version is 'Hash of the resolved settings.';
