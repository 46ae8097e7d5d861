-- What each part of the training is worth, and the baselines of the hold-out.

create table ensemble.effects (
    switch           varchar not null,
    acts             boolean not null,
    regime           varchar not null,
    n_rows           bigint not null,
    n_sessions       integer not null,
    n_horizons       double not null,
    is_assessable    boolean not null,
    auc_on           double,
    auc_off          double,
    difference       double,
    difference_low   double,
    difference_high  double,
    finding          varchar not null,
    protocol_id      varchar not null,
    run_id           varchar,
    code_version     varchar,
    data_version     varchar,
    config_version   varchar
);

comment on table ensemble.effects is
    'Each part of the training on and off, by regime: paired, out of fold, before the hold-out.';
comment on column ensemble.effects.switch is 'everything: the stack against plain LightGBM; or the part that is switched.';
comment on column ensemble.effects.acts is 'The run has it on.';
comment on column ensemble.effects.regime is 'all, or the point-in-time regime of the rows.';
comment on column ensemble.effects.n_rows is 'Decisions scored, out of fold.';
comment on column ensemble.effects.n_sessions is 'Sessions scored.';
comment on column ensemble.effects.n_horizons is 'Independent horizons: sessions / horizon.';
comment on column ensemble.effects.is_assessable is 'Enough independent horizons.';
comment on column ensemble.effects.auc_on is '[0..1] Area under the ROC curve with the part on.';
comment on column ensemble.effects.auc_off is '[0..1] The same with it off, on the same rows.';
comment on column ensemble.effects.difference is '[-1..1] On less off.';
comment on column ensemble.effects.difference_low is 'Lower end of its interval, by resampled blocks of sessions.';
comment on column ensemble.effects.difference_high is 'Upper end of its interval.';
comment on column ensemble.effects.finding is 'helps, hurts, unclear: the interval and zero; or not assessable.';
comment on column ensemble.effects.protocol_id is 'Protocol.';
comment on column ensemble.effects.run_id is 'Dagster run that wrote the row.';
comment on column ensemble.effects.code_version is 'Hash of the code that computed the row.';
comment on column ensemble.effects.data_version is 'Hash of the inputs the row was computed from.';
comment on column ensemble.effects.config_version is 'Hash of the resolved settings.';

comment on column ensemble.holdout.learner is
    'stack, a base learner, champion, or a baseline: volatility_only, momentum_12_1, plain_lightgbm.';

comment on column ensemble.scores.learner is
    'stack, a base learner, champion, or a baseline: volatility_only, momentum_12_1, plain_lightgbm.';
