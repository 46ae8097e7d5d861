-- What was asked of vendors: the picture of the raw store's ledger.

create table bars.requests (
    request         integer not null,
    vendor          varchar not null,
    dataset         varchar not null,
    symbols         varchar not null,
    start_date      date not null,
    end_date        date not null,
    page            integer not null,
    path            varchar not null,
    status          integer not null,
    sha256          varchar not null,
    n_bytes         bigint not null,
    n_rows          bigint not null,
    is_last         boolean not null,
    fetched_at      timestamptz not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table bars.requests is
    'One answered page of a vendor; its body lies in the raw store under its hash.';
comment on column bars.requests.request is 'Position in the ledger, from 0.';
comment on column bars.requests.vendor is 'Who answered.';
comment on column bars.requests.dataset is 'daily, minute, quotes, news and so on.';
comment on column bars.requests.symbols is 'Symbols asked for, with commas between; empty: none are named.';
comment on column bars.requests.start_date is 'First New York date asked for.';
comment on column bars.requests.end_date is 'Last New York date asked for.';
comment on column bars.requests.page is 'Number of the page within its range, from 0.';
comment on column bars.requests.path is 'Path of the address below the vendor; no key.';
comment on column bars.requests.status is 'HTTP status.';
comment on column bars.requests.sha256 is 'Hash of the body.';
comment on column bars.requests.n_bytes is '[bytes] Length of the body.';
comment on column bars.requests.n_rows is 'Rows in the page, repeated ones included.';
comment on column bars.requests.is_last is 'The range ends with this page.';
comment on column bars.requests.fetched_at is '[UTC] When the answer was there.';
comment on column bars.requests.run_id is 'Dagster run that wrote the row.';
comment on column bars.requests.code_version is 'Hash of the code that computed the row.';
comment on column bars.requests.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.requests.config_version is 'Hash of the resolved settings.';
