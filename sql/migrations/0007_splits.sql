-- Which labels may train and which test, and how often the hold-out was opened.

create schema if not exists splits;

create table splits.protocols (
    protocol_id       varchar not null,
    universe_id       varchar not null,
    holdout_start     date not null,
    holdout_end       date not null,
    train_start       date not null,
    block_starts      varchar not null,
    scheme            varchar not null,
    embargo_sessions  integer not null,
    created_at        timestamptz not null
);

comment on table splits.protocols is
    'Calendar edges of the evaluation, fixed until renewed; the newest row rules.';
comment on column splits.protocols.protocol_id is 'Hash of the fields below.';
comment on column splits.protocols.universe_id is 'Hash of source, symbols and start: another market needs another protocol.';
comment on column splits.protocols.holdout_start is 'First session of the hold-out.';
comment on column splits.protocols.holdout_end is 'Last session of the hold-out.';
comment on column splits.protocols.train_start is 'First session that may train.';
comment on column splits.protocols.block_starts is 'JSON list: first session of each test block.';
comment on column splits.protocols.scheme is 'walk_forward or purged_kfold.';
comment on column splits.protocols.embargo_sessions is '[sessions] Quiet after a block.';
comment on column splits.protocols.created_at is 'When it was fixed.';

create table splits.folds (
    protocol_id     varchar not null,
    fold            integer not null,
    symbol          varchar not null,
    session_date    date not null,
    role            varchar not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table splits.folds is
    'Role of each label in each fold; a purged label has no row.';
comment on column splits.folds.protocol_id is 'Protocol.';
comment on column splits.folds.fold is 'Test block, from 1.';
comment on column splits.folds.symbol is 'Ticker.';
comment on column splits.folds.session_date is 'Session of the label''s decision.';
comment on column splits.folds.role is 'train or test.';
comment on column splits.folds.run_id is 'Dagster run that wrote the row.';
comment on column splits.folds.code_version is 'Hash of the code that computed the row.';
comment on column splits.folds.data_version is 'Hash of the inputs the row was computed from.';
comment on column splits.folds.config_version is 'Hash of the resolved settings.';

create table splits.holdout (
    protocol_id     varchar not null,
    holdout_start   date not null,
    holdout_end     date not null,
    n_sessions      integer not null,
    n_rows          integer not null,
    n_purged        integer not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table splits.holdout is
    'The hold-out of the protocol in force.';
comment on column splits.holdout.protocol_id is 'Protocol.';
comment on column splits.holdout.holdout_start is 'First session.';
comment on column splits.holdout.holdout_end is 'Last session.';
comment on column splits.holdout.n_sessions is 'Sessions with closed labels inside.';
comment on column splits.holdout.n_rows is 'Closed labels inside.';
comment on column splits.holdout.n_purged is 'Training labels dropped because their span touches it.';
comment on column splits.holdout.run_id is 'Dagster run that wrote the row.';
comment on column splits.holdout.code_version is 'Hash of the code that computed the row.';
comment on column splits.holdout.data_version is 'Hash of the inputs the row was computed from.';
comment on column splits.holdout.config_version is 'Hash of the resolved settings.';

create table splits.holdout_reads (
    protocol_id   varchar not null,
    data_version  varchar not null,
    recipe_id     varchar not null,
    run_id        varchar not null,
    read_at       timestamptz not null
);

comment on table splits.holdout_reads is
    'Every opening of the hold-out, once per data, protocol and recipe.';
comment on column splits.holdout_reads.protocol_id is 'Protocol.';
comment on column splits.holdout_reads.data_version is 'Content of the hold-out rows.';
comment on column splits.holdout_reads.recipe_id is 'Recipe that was judged.';
comment on column splits.holdout_reads.run_id is 'Run that read.';
comment on column splits.holdout_reads.read_at is 'When.';
