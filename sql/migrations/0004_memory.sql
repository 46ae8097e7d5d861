-- Crises by name, and their labelled samples.

create schema if not exists memory;

create table memory.rare_events (
    event              varchar not null,
    first_date         date not null,
    last_date          date not null,
    regime             varchar not null,
    weight             double not null,
    catalogue_version  varchar not null,
    n_sessions         integer not null,
    n_symbols          integer not null,
    run_id             varchar,
    code_version       varchar,
    data_version       varchar,
    config_version     varchar
);

comment on table memory.rare_events is
    'The catalogue with what the data hold of it.';
comment on column memory.rare_events.event is 'Name.';
comment on column memory.rare_events.first_date is 'First day.';
comment on column memory.rare_events.last_date is 'Last day.';
comment on column memory.rare_events.regime is 'The event''s own regime.';
comment on column memory.rare_events.weight is '[0..1] Share of archive draws.';
comment on column memory.rare_events.catalogue_version is 'Version of the catalogue.';
comment on column memory.rare_events.n_sessions is 'Sessions with data.';
comment on column memory.rare_events.n_symbols is 'Symbols with data.';
comment on column memory.rare_events.run_id is 'Dagster run that wrote the row.';
comment on column memory.rare_events.code_version is 'Hash of the code that computed the row.';
comment on column memory.rare_events.data_version is 'Hash of the inputs the row was computed from.';
comment on column memory.rare_events.config_version is 'Hash of the resolved settings.';

create table memory.archive (
    event              varchar not null,
    symbol             varchar not null,
    session_date       date not null,
    session            integer not null,
    event_regime       varchar not null,
    regime             varchar not null,
    label              integer,
    catalogue_version  varchar not null,
    run_id             varchar,
    code_version       varchar,
    data_version       varchar,
    config_version     varchar
);

comment on table memory.archive is
    'One labelled feature row per event, symbol and session; in the lake by year, with every feature column.';
comment on column memory.archive.event is 'Rare event.';
comment on column memory.archive.symbol is 'Ticker.';
comment on column memory.archive.session_date is 'Exchange session.';
comment on column memory.archive.session is 'Ordinal in the exchange calendar.';
comment on column memory.archive.event_regime is 'The event''s own regime; rules sampling and weights.';
comment on column memory.archive.regime is 'Point-in-time regime; rules scores and features.';
comment on column memory.archive.label is '1 up, 0 down; missing while open.';
comment on column memory.archive.catalogue_version is 'Version of the catalogue.';
comment on column memory.archive.run_id is 'Dagster run that wrote the row.';
comment on column memory.archive.code_version is 'Hash of the code that computed the row.';
comment on column memory.archive.data_version is 'Hash of the inputs the row was computed from.';
comment on column memory.archive.config_version is 'Hash of the resolved settings.';
