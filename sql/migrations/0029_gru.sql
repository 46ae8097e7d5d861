-- Searches of the recurrent network, a learner that needs the extra `deep`.

create table sweeps.gru (
    sweep_id          varchar not null,
    learner           varchar not null,
    block             integer not null,
    trial             integer not null,
    state             varchar not null,
    params_json       varchar not null,
    fold_scores_json  varchar not null,
    auc               double,
    best_round        integer,
    n_rows            bigint not null,
    seconds           double not null,
    returns_json      varchar,
    origin            varchar,
    gross_frac        double,
    turnover          double,
    run_id            varchar,
    code_version      varchar,
    data_version      varchar,
    config_version    varchar
);

comment on table sweeps.gru is
    'Trials of the recurrent network (GRU).';
comment on column sweeps.gru.sweep_id is 'Learner, block and protocol.';
comment on column sweeps.gru.learner is 'Base learner.';
comment on column sweeps.gru.block is 'Block the result serves; 0 is the final fit.';
comment on column sweeps.gru.trial is 'Number of the trial.';
comment on column sweeps.gru.state is 'complete, pruned or failed.';
comment on column sweeps.gru.params_json is 'Parameters.';
comment on column sweeps.gru.fold_scores_json is 'AUC of each inner fold.';
comment on column sweeps.gru.auc is '[0..1] Mean over inner folds.';
comment on column sweeps.gru.best_round is 'Epochs kept: the best of the mean AUC curve over inner folds.';
comment on column sweeps.gru.n_rows is 'Training rows searched on.';
comment on column sweeps.gru.seconds is '[s] Time of the trial.';
comment on column sweeps.gru.returns_json is
    'JSON: mean return of each horizon''s cohorts of the trial''s out-of-fold ranks, before costs, by the ordinal it begins with; {} where the trial is not complete.';
comment on column sweeps.gru.origin is
    'default, incumbent (the parameters in service), rotation (of the windows) or sampler; missing before this column.';
comment on column sweeps.gru.gross_frac is
    '[fraction] Mean return of a cohort of the trial''s cheap book over its horizon, before costs; missing where the trial is not complete.';
comment on column sweeps.gru.turnover is
    '[0..2] Bought and sold for a cohort of the cheap book, over its absolute weights; missing where the trial is not complete.';
comment on column sweeps.gru.run_id is 'Dagster run that wrote the row.';
comment on column sweeps.gru.code_version is 'Hash of the code that computed the row.';
comment on column sweeps.gru.data_version is 'Hash of the inputs the row was computed from.';
comment on column sweeps.gru.config_version is 'Hash of the resolved settings.';
