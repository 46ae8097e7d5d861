-- Champion against challenger, with reasons; and who decided what.

create schema if not exists gate;

create table gate.verdicts (
    model_version   varchar not null,
    recipe_id       varchar not null,
    protocol_id     varchar not null,
    verdict         varchar not null,
    position        integer not null,
    criterion       varchar not null,
    value           double,
    threshold       varchar not null,
    is_passed       boolean,
    detail          varchar not null,
    seconds         double,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table gate.verdicts is
    'One row per criterion of a verdict; a verdict proposes, a human decides.';
comment on column gate.verdicts.model_version is 'Challenger judged.';
comment on column gate.verdicts.recipe_id is 'Its recipe.';
comment on column gate.verdicts.protocol_id is 'Protocol of the scores.';
comment on column gate.verdicts.verdict is 'promoted, rejected or undecided.';
comment on column gate.verdicts.position is 'Order in the list.';
comment on column gate.verdicts.criterion is 'Name.';
comment on column gate.verdicts.value is 'Measured.';
comment on column gate.verdicts.threshold is 'Required, in words.';
comment on column gate.verdicts.is_passed is 'Missing where not assessable.';
comment on column gate.verdicts.detail is 'n, interval, period, or why it is not assessable.';
comment on column gate.verdicts.seconds is '[s] Measured duration of a criterion that is one; its value is then missing.';
comment on column gate.verdicts.run_id is 'Dagster run that wrote the row.';
comment on column gate.verdicts.code_version is 'Hash of the code that computed the row.';
comment on column gate.verdicts.data_version is 'Hash of the inputs the row was computed from.';
comment on column gate.verdicts.config_version is 'Hash of the resolved settings.';

create table gate.decisions (
    decision_id       bigint not null,
    action            varchar not null,
    role              varchar not null,
    model_version     varchar not null,
    previous_version  varchar,
    decided_by        varchar not null,
    decided_at        timestamptz not null,
    reason            varchar not null
);

comment on table gate.decisions is
    'Every change of the model in service: appended, never updated.';
comment on column gate.decisions.decision_id is 'Running number.';
comment on column gate.decisions.action is 'promote, rollback or shadow.';
comment on column gate.decisions.role is 'champion or shadow.';
comment on column gate.decisions.model_version is 'Model that takes the role.';
comment on column gate.decisions.previous_version is 'Model that held it.';
comment on column gate.decisions.decided_by is 'Who.';
comment on column gate.decisions.decided_at is 'When.';
comment on column gate.decisions.reason is 'Why.';
