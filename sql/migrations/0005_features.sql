-- What was known, when.

create schema if not exists features;

create table features.catalog (
    feature            varchar not null,
    family             varchar not null,
    formula            varchar not null,
    unit               varchar not null,
    lookback_sessions  integer not null,
    inputs             varchar not null,
    known_at_rule      varchar not null,
    source             varchar not null,
    run_id             varchar,
    code_version       varchar,
    data_version       varchar,
    config_version     varchar
);

comment on table features.catalog is
    'One row per feature.';
comment on column features.catalog.feature is 'Column name in features.daily.';
comment on column features.catalog.family is 'Group of related features.';
comment on column features.catalog.formula is 'Formula in words.';
comment on column features.catalog.unit is 'Unit.';
comment on column features.catalog.lookback_sessions is '[sessions] Bars needed before the first value.';
comment on column features.catalog.inputs is 'Columns read.';
comment on column features.catalog.known_at_rule is 'When the value is first usable.';
comment on column features.catalog.source is 'Paper, book or library.';
comment on column features.catalog.run_id is 'Dagster run that wrote the row.';
comment on column features.catalog.code_version is 'Hash of the code that computed the row.';
comment on column features.catalog.data_version is 'Hash of the inputs the row was computed from.';
comment on column features.catalog.config_version is 'Hash of the resolved settings.';

create table features.daily (
    symbol          varchar not null,
    session_date    date not null,
    session         integer not null,
    known_at        timestamptz not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table features.daily is
    'One row per symbol and session, one column per feature of the catalogue; in the lake by year.';
comment on column features.daily.symbol is 'Ticker.';
comment on column features.daily.session_date is 'Exchange session.';
comment on column features.daily.session is 'Ordinal in the exchange calendar.';
comment on column features.daily.known_at is '18:00 New York of the session, or the bar''s own known_at where later.';
comment on column features.daily.run_id is 'Dagster run that wrote the row.';
comment on column features.daily.code_version is 'Hash of the code that computed the row.';
comment on column features.daily.data_version is 'Hash of the inputs the row was computed from.';
comment on column features.daily.config_version is 'Hash of the resolved settings.';

create table features.selected (
    block           integer not null,
    feature         varchar not null,
    is_selected     boolean not null,
    reason          varchar not null,
    missing_frac    double not null,
    score           double not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table features.selected is
    'Which features each fold''s models may use, and why.';
comment on column features.selected.block is 'Walk-forward block; 0 is the final fit.';
comment on column features.selected.feature is 'Name in the catalogue.';
comment on column features.selected.is_selected is 'Models may use it.';
comment on column features.selected.reason is 'kept, missing, constant, duplicate of, correlated with, over the limit.';
comment on column features.selected.missing_frac is '[0..1] Missing share on training rows.';
comment on column features.selected.score is '[0..0.5] |AUC - 0.5| on training rows.';
comment on column features.selected.run_id is 'Dagster run that wrote the row.';
comment on column features.selected.code_version is 'Hash of the code that computed the row.';
comment on column features.selected.data_version is 'Hash of the inputs the row was computed from.';
comment on column features.selected.config_version is 'Hash of the resolved settings.';
