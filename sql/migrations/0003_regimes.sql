-- The market's state per session, point in time.

create schema if not exists regimes;

create table regimes.market (
    session_date    date not null,
    session         integer not null,
    regime          varchar not null,
    reason          varchar not null,
    index_close     double,
    vix_close       double,
    vix_source      varchar not null,
    drawdown_frac   double,
    is_price_crash  boolean not null,
    known_at        timestamptz not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table regimes.market is
    'One label per session with the reason for it.';
comment on column regimes.market.session_date is 'Exchange session.';
comment on column regimes.market.session is 'Ordinal in the exchange calendar.';
comment on column regimes.market.regime is 'normal, crash, recovery, high_volatility, low_volatility or unknown.';
comment on column regimes.market.reason is 'Rule that decided.';
comment on column regimes.market.index_close is '[USD or points] Close of the broad index.';
comment on column regimes.market.vix_close is '[VIX points] VIX or its proxy.';
comment on column regimes.market.vix_source is 'vix, realised_proxy or missing.';
comment on column regimes.market.drawdown_frac is '[-1..0] Close against the highest of the crash window.';
comment on column regimes.market.is_price_crash is 'The price rule fired.';
comment on column regimes.market.known_at is 'When the label could first be used.';
comment on column regimes.market.run_id is 'Dagster run that wrote the row.';
comment on column regimes.market.code_version is 'Hash of the code that computed the row.';
comment on column regimes.market.data_version is 'Hash of the inputs the row was computed from.';
comment on column regimes.market.config_version is 'Hash of the resolved settings.';
