-- Who wrote what from what: the ledger behind staleness, lineage and repeatable runs.

create schema if not exists provenance;

create table provenance.settings (
    config_version  varchar not null,
    config_json     varchar not null,
    stored_at       timestamptz not null
);

comment on table provenance.settings is
    'Every resolved configuration a run used.';
comment on column provenance.settings.config_version is 'Hash of config_json.';
comment on column provenance.settings.config_json is 'Resolved settings, canonical JSON.';
comment on column provenance.settings.stored_at is 'First use.';

create table provenance.materializations (
    asset           varchar not null,
    inputs_version  varchar not null,
    code_version    varchar not null,
    config_version  varchar not null,
    content_hash    varchar not null,
    n_rows          bigint not null,
    seconds         double not null,
    metadata_json   varchar not null,
    run_id          varchar not null,
    written_at      timestamptz not null
);

comment on table provenance.materializations is
    'One row per write of a table; the newest per asset decides staleness.';
comment on column provenance.materializations.asset is 'stage.table.';
comment on column provenance.materializations.inputs_version is 'Hash of input contents, code version and the settings the asset reads.';
comment on column provenance.materializations.code_version is 'Hash of the code that computed it.';
comment on column provenance.materializations.config_version is 'Hash of the resolved settings.';
comment on column provenance.materializations.content_hash is 'Hash of the rows without run ids, stamps and durations.';
comment on column provenance.materializations.n_rows is 'Rows after the write.';
comment on column provenance.materializations.seconds is '[s] Wall time of the computation.';
comment on column provenance.materializations.metadata_json is 'Metadata shown in the UI, so that a reused table still shows it.';
comment on column provenance.materializations.run_id is 'Dagster run that wrote it.';
comment on column provenance.materializations.written_at is 'When the transaction committed.';

create table provenance.partitions (
    asset         varchar not null,
    partition     varchar not null,
    path          varchar not null,
    content_hash  varchar not null,
    n_rows        bigint not null,
    n_bytes       bigint not null,
    written_at    timestamptz not null
);

comment on table provenance.partitions is
    'Files of the lake that readers see; a file without a row here is invisible.';
comment on column provenance.partitions.asset is 'stage.table.';
comment on column provenance.partitions.partition is 'month=YYYY-MM or year=YYYY.';
comment on column provenance.partitions.path is 'Path relative to the home.';
comment on column provenance.partitions.content_hash is 'Hash of the rows without run ids, stamps and durations.';
comment on column provenance.partitions.n_rows is 'Rows of the file.';
comment on column provenance.partitions.n_bytes is '[bytes] Size of the file.';
comment on column provenance.partitions.written_at is 'When the file was renamed into place.';
