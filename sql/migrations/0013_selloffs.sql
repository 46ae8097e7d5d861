-- Intraday falls past a rung.

create schema if not exists selloffs;

create table selloffs.events (
    symbol          varchar not null,
    session_date    date not null,
    rung            double not null,
    detected_at     timestamptz not null,
    session_open    double not null,
    low             double not null,
    close           double not null,
    volume          double,
    drop_frac       double not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table selloffs.events is
    'First regular-session minute whose low reaches a rung, per symbol, session and rung.';
comment on column selloffs.events.symbol is 'Ticker.';
comment on column selloffs.events.session_date is 'Exchange session.';
comment on column selloffs.events.rung is '[fraction] Depth of the rung.';
comment on column selloffs.events.detected_at is '[UTC] Close of the bar that reached it.';
comment on column selloffs.events.session_open is '[USD] First regular price of the session.';
comment on column selloffs.events.low is '[USD] Low of the bar.';
comment on column selloffs.events.close is '[USD] Close of the bar.';
comment on column selloffs.events.volume is '[shares] Volume of the bar.';
comment on column selloffs.events.drop_frac is '[-1..0] Low of the bar against the session''s open.';
comment on column selloffs.events.run_id is 'Dagster run that wrote the row.';
comment on column selloffs.events.code_version is 'Hash of the code that computed the row.';
comment on column selloffs.events.data_version is 'Hash of the inputs the row was computed from.';
comment on column selloffs.events.config_version is 'Hash of the resolved settings.';
