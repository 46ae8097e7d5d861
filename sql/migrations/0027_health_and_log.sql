-- Is the champion fit to serve, what each judged model is, and one line for every run.

create table gate.health (
    model_version   varchar,
    position        integer not null,
    criterion       varchar not null,
    value           double,
    threshold       varchar not null,
    is_healthy      boolean,
    detail          varchar not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table gate.health is
    'Whether the champion is fit to serve, examined before a weekly run changes anything; an unhealthy one is told of and replaced, it stops nothing.';
comment on column gate.health.model_version is 'Champion; missing where none is in service.';
comment on column gate.health.position is 'Order in the list.';
comment on column gate.health.criterion is 'in_service, files, loads, features, predictions or drift.';
comment on column gate.health.value is 'Measured, in the unit that the threshold names.';
comment on column gate.health.threshold is 'Required, in words.';
comment on column gate.health.is_healthy is 'Missing where not assessable.';
comment on column gate.health.detail is 'What was found.';
comment on column gate.health.run_id is 'Dagster run that wrote the row.';
comment on column gate.health.code_version is 'Hash of the code that computed the row.';
comment on column gate.health.data_version is 'Hash of the inputs the row was computed from.';
comment on column gate.health.config_version is 'Hash of the resolved settings.';

alter table gate.decisions add column verdict varchar;

comment on column gate.decisions.verdict is 'What the gate said of the model at the decision; missing for a roll-back.';

create table reports.cards (
    model_version   varchar not null,
    recipe_id       varchar not null,
    protocol_id     varchar not null,
    verdict         varchar not null,
    path            varchar not null,
    card            varchar not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table reports.cards is
    'One model card per version that was judged and put in shadow; the newest first, earlier ones are kept.';
comment on column reports.cards.model_version is 'Version put in shadow.';
comment on column reports.cards.recipe_id is 'Its recipe.';
comment on column reports.cards.protocol_id is 'Protocol of the scores.';
comment on column reports.cards.verdict is 'What the gate said.';
comment on column reports.cards.path is 'Markdown file relative to the home.';
comment on column reports.cards.card is 'The card without the versions of the run that wrote it.';
comment on column reports.cards.run_id is 'Dagster run that wrote the row.';
comment on column reports.cards.code_version is 'Hash of the code that computed the row.';
comment on column reports.cards.data_version is 'Hash of the inputs the row was computed from.';
comment on column reports.cards.config_version is 'Hash of the resolved settings.';

create table reports.training_log (
    run_id          varchar not null,
    job             varchar not null,
    state           varchar not null,
    started_at      timestamptz not null,
    ended_at        timestamptz not null,
    seconds         double not null,
    peak_gb         double,
    n_computed      integer not null,
    computed        varchar not null,
    failed          varchar not null,
    model_version   varchar,
    verdict         varchar,
    config_version  varchar not null,
    code_version    varchar not null,
    data_version    varchar
);

comment on table reports.training_log is
    'One line per run of any job, appended when it ends: command line, UI and schedule alike.';
comment on column reports.training_log.run_id is 'Dagster run.';
comment on column reports.training_log.job is 'Name of its job.';
comment on column reports.training_log.state is 'succeeded or failed.';
comment on column reports.training_log.started_at is 'When it took the home.';
comment on column reports.training_log.ended_at is 'When it gave the home back.';
comment on column reports.training_log.seconds is '[s] Between the two.';
comment on column reports.training_log.peak_gb is '[GB] Largest memory that its process held.';
comment on column reports.training_log.n_computed is 'Tables computed; the others were up to date or never reached.';
comment on column reports.training_log.computed is 'Their names, in the order of their writing.';
comment on column reports.training_log.failed is 'Steps that failed; empty where none did.';
comment on column reports.training_log.model_version is 'Newest challenger at the end of the run.';
comment on column reports.training_log.verdict is 'What the gate says of it.';
comment on column reports.training_log.config_version is 'Hash of the resolved settings: `retrain --from-config` takes it.';
comment on column reports.training_log.code_version is 'Hash of the code.';
comment on column reports.training_log.data_version is 'Content hash of the daily bars at the end of the run.';
