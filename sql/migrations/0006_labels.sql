-- What the models are asked to foresee.

create schema if not exists labels;

create table labels.direction (
    symbol               varchar not null,
    session_date         date not null,
    session              integer not null,
    start_session        integer not null,
    end_session          integer not null,
    end_date             date not null,
    forward_return_frac  double,
    median_return_frac   double,
    excess_return_frac   double,
    label                integer,
    is_closed            boolean not null,
    uniqueness           double,
    n_symbols            integer not null,
    known_at             timestamptz,
    run_id               varchar,
    code_version         varchar,
    data_version         varchar,
    config_version       varchar
);

comment on table labels.direction is
    'One row per equity and session; open labels have no value.';
comment on column labels.direction.symbol is 'Ticker.';
comment on column labels.direction.session_date is 'Session of the decision.';
comment on column labels.direction.session is 'Its ordinal.';
comment on column labels.direction.start_session is 'First session of the label span.';
comment on column labels.direction.end_session is 'Last session of the label span.';
comment on column labels.direction.end_date is 'Date of end_session; the last bar where the symbol ended inside the span.';
comment on column labels.direction.forward_return_frac is '[fraction] Close of end_session against the entry.';
comment on column labels.direction.median_return_frac is '[fraction] Universe median of the session.';
comment on column labels.direction.excess_return_frac is '[fraction] forward_return_frac above the median.';
comment on column labels.direction.label is '1 above, 0 not above; missing while open or the session is too thin.';
comment on column labels.direction.is_closed is 'The span ends inside the data.';
comment on column labels.direction.uniqueness is '[0..1] Mean inverse number of the symbol''s labels that overlap each session of the span.';
comment on column labels.direction.n_symbols is 'Labelled equities of the session.';
comment on column labels.direction.known_at is 'When the label was first known: close of end_session.';
comment on column labels.direction.run_id is 'Dagster run that wrote the row.';
comment on column labels.direction.code_version is 'Hash of the code that computed the row.';
comment on column labels.direction.data_version is 'Hash of the inputs the row was computed from.';
comment on column labels.direction.config_version is 'Hash of the resolved settings.';
