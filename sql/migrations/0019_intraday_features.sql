-- Features of intraday bars, known when the bar closes.

create table features.intraday (
    interval_minutes  integer not null,
    symbol            varchar not null,
    session_date      date not null,
    opens_at          timestamptz not null,
    closes_at         timestamptz not null,
    known_at          timestamptz not null,
    run_id            varchar,
    code_version      varchar,
    data_version      varchar,
    config_version    varchar
);

comment on table features.intraday is
    'One row per interval, symbol and bar, one column per intraday feature of the catalogue; in the lake by month.';
comment on column features.intraday.interval_minutes is '[minutes] 5, 10, 15 or 60.';
comment on column features.intraday.symbol is 'Ticker.';
comment on column features.intraday.session_date is 'Exchange session.';
comment on column features.intraday.opens_at is '[UTC] Start of the bar, counted from the session''s open.';
comment on column features.intraday.closes_at is '[UTC] End of the bar, cut at the session''s close.';
comment on column features.intraday.known_at is 'First usable moment: closes_at, later where a split became known after its ex_date.';
comment on column features.intraday.run_id is 'Dagster run that wrote the row.';
comment on column features.intraday.code_version is 'Hash of the code that computed the row.';
comment on column features.intraday.data_version is 'Hash of the inputs the row was computed from.';
comment on column features.intraday.config_version is 'Hash of the resolved settings.';
