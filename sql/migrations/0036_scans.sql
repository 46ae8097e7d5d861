-- Every scan with its settings, its results and the market it ran in.

create schema if not exists scans;

create table scans.history (
    scan_id                varchar not null,
    mode                   varchar not null,
    scanned_at             timestamptz not null,
    started_at             timestamptz not null,
    total_seconds          double not null,
    session_date           date not null,
    max_symbols            integer not null,
    min_tech_rating        double not null,
    min_dollar_volume      double not null,
    sectors_json           varchar not null,
    industries_json        varchar not null,
    lookback_days          integer not null,
    n_symbols              integer not null,
    n_events               integer not null,
    n_signals              integer not null,
    n_withheld             integer not null,
    model_version          varchar,
    spy_trend              varchar,
    annualised_volatility  double,
    momentum               double,
    return_5d              double,
    return_20d             double,
    vix                    double,
    time_of_day            varchar not null,
    day_of_week            varchar not null,
    is_market_hours        boolean not null,
    primary key (scan_id)
);

comment on table scans.history is
    'One row per scan, live, replayed or historical; appended, never updated.';
comment on column scans.history.scan_id is 'Hash of mode, session, moment, settings and model: the same scan twice is one row.';
comment on column scans.history.mode is 'live | replay | historical.';
comment on column scans.history.scanned_at is '[UTC] The moment whose market the row tells: the open of a session scanned live or replayed, the close of a historical scan, its own of a single look.';
comment on column scans.history.started_at is '[UTC] Clock at its start.';
comment on column scans.history.total_seconds is '[s] Duration.';
comment on column scans.history.session_date is 'Exchange session scanned; a historical scan has one row per session.';
comment on column scans.history.max_symbols is 'Filter: most symbols.';
comment on column scans.history.min_tech_rating is '[0..100] Filter: least technical rating.';
comment on column scans.history.min_dollar_volume is '[USD] Filter: least median dollar volume a session.';
comment on column scans.history.sectors_json is 'Filter: sectors; empty list for all.';
comment on column scans.history.industries_json is 'Filter: industries; empty list for all.';
comment on column scans.history.lookback_days is '[sessions] Of the median dollar volume, and how old a newest bar may be.';
comment on column scans.history.n_symbols is 'Symbols scanned after the filter.';
comment on column scans.history.n_events is 'Falls found.';
comment on column scans.history.n_signals is 'Alerts with a risk tier above zero, said by a model that had not seen them.';
comment on column scans.history.n_withheld is 'Falls found and withheld; in a historical scan those whose bars are not clean.';
comment on column scans.history.model_version is 'Model in service; missing without one.';
comment on column scans.history.spy_trend is 'up: close above SMA 20 above SMA 50; down: both reversed; else neutral; missing where the index is.';
comment on column scans.history.annualised_volatility is '[1/sqrt(year)] Of the index, 20 sessions before.';
comment on column scans.history.momentum is '[-1..1] Return of 20 sessions in two standard deviations of 20 sessions, cut at both ends.';
comment on column scans.history.return_5d is '[fraction] Of the index, five sessions to the one before.';
comment on column scans.history.return_20d is '[fraction] As above, twenty.';
comment on column scans.history.vix is '[points] VIX close of the session before.';
comment on column scans.history.time_of_day is 'pre_market | opening | morning | midday | afternoon | power_hour | after_hours.';
comment on column scans.history.day_of_week is 'monday .. sunday.';
comment on column scans.history.is_market_hours is 'Inside the regular session.';
