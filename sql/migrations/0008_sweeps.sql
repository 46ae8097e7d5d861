-- Hyper-parameter search: every trial kept, failed ones included.

create schema if not exists sweeps;

create table sweeps.lightgbm (
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
    run_id            varchar,
    code_version      varchar,
    data_version      varchar,
    config_version    varchar
);

comment on table sweeps.lightgbm is
    'Trials of LightGBM.';
comment on column sweeps.lightgbm.sweep_id is 'Learner, block and protocol.';
comment on column sweeps.lightgbm.learner is 'Base learner.';
comment on column sweeps.lightgbm.block is 'Block the result serves; 0 is the final fit.';
comment on column sweeps.lightgbm.trial is 'Number of the trial.';
comment on column sweeps.lightgbm.state is 'complete, pruned or failed.';
comment on column sweeps.lightgbm.params_json is 'Parameters.';
comment on column sweeps.lightgbm.fold_scores_json is 'AUC of each inner fold.';
comment on column sweeps.lightgbm.auc is '[0..1] Mean over inner folds.';
comment on column sweeps.lightgbm.best_round is 'Boosting rounds kept: the best of the mean AUC curve over inner folds.';
comment on column sweeps.lightgbm.n_rows is 'Training rows searched on.';
comment on column sweeps.lightgbm.seconds is '[s] Time of the trial.';
comment on column sweeps.lightgbm.run_id is 'Dagster run that wrote the row.';
comment on column sweeps.lightgbm.code_version is 'Hash of the code that computed the row.';
comment on column sweeps.lightgbm.data_version is 'Hash of the inputs the row was computed from.';
comment on column sweeps.lightgbm.config_version is 'Hash of the resolved settings.';

create table sweeps.xgboost (
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
    run_id            varchar,
    code_version      varchar,
    data_version      varchar,
    config_version    varchar
);

comment on table sweeps.xgboost is
    'Trials of XGBoost.';
comment on column sweeps.xgboost.sweep_id is 'Learner, block and protocol.';
comment on column sweeps.xgboost.learner is 'Base learner.';
comment on column sweeps.xgboost.block is 'Block the result serves; 0 is the final fit.';
comment on column sweeps.xgboost.trial is 'Number of the trial.';
comment on column sweeps.xgboost.state is 'complete, pruned or failed.';
comment on column sweeps.xgboost.params_json is 'Parameters.';
comment on column sweeps.xgboost.fold_scores_json is 'AUC of each inner fold.';
comment on column sweeps.xgboost.auc is '[0..1] Mean over inner folds.';
comment on column sweeps.xgboost.best_round is 'Boosting rounds kept: the best of the mean AUC curve over inner folds.';
comment on column sweeps.xgboost.n_rows is 'Training rows searched on.';
comment on column sweeps.xgboost.seconds is '[s] Time of the trial.';
comment on column sweeps.xgboost.run_id is 'Dagster run that wrote the row.';
comment on column sweeps.xgboost.code_version is 'Hash of the code that computed the row.';
comment on column sweeps.xgboost.data_version is 'Hash of the inputs the row was computed from.';
comment on column sweeps.xgboost.config_version is 'Hash of the resolved settings.';

create table sweeps.catboost (
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
    run_id            varchar,
    code_version      varchar,
    data_version      varchar,
    config_version    varchar
);

comment on table sweeps.catboost is
    'Trials of CatBoost.';
comment on column sweeps.catboost.sweep_id is 'Learner, block and protocol.';
comment on column sweeps.catboost.learner is 'Base learner.';
comment on column sweeps.catboost.block is 'Block the result serves; 0 is the final fit.';
comment on column sweeps.catboost.trial is 'Number of the trial.';
comment on column sweeps.catboost.state is 'complete, pruned or failed.';
comment on column sweeps.catboost.params_json is 'Parameters.';
comment on column sweeps.catboost.fold_scores_json is 'AUC of each inner fold.';
comment on column sweeps.catboost.auc is '[0..1] Mean over inner folds.';
comment on column sweeps.catboost.best_round is 'Boosting rounds kept: the best of the mean AUC curve over inner folds.';
comment on column sweeps.catboost.n_rows is 'Training rows searched on.';
comment on column sweeps.catboost.seconds is '[s] Time of the trial.';
comment on column sweeps.catboost.run_id is 'Dagster run that wrote the row.';
comment on column sweeps.catboost.code_version is 'Hash of the code that computed the row.';
comment on column sweeps.catboost.data_version is 'Hash of the inputs the row was computed from.';
comment on column sweeps.catboost.config_version is 'Hash of the resolved settings.';

create table sweeps.trials (
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
    run_id            varchar,
    code_version      varchar,
    data_version      varchar,
    config_version    varchar
);

comment on table sweeps.trials is
    'All trials of all learners.';
comment on column sweeps.trials.sweep_id is 'Learner, block and protocol.';
comment on column sweeps.trials.learner is 'Base learner.';
comment on column sweeps.trials.block is 'Block the result serves; 0 is the final fit.';
comment on column sweeps.trials.trial is 'Number of the trial.';
comment on column sweeps.trials.state is 'complete, pruned or failed.';
comment on column sweeps.trials.params_json is 'Parameters.';
comment on column sweeps.trials.fold_scores_json is 'AUC of each inner fold.';
comment on column sweeps.trials.auc is '[0..1] Mean over inner folds.';
comment on column sweeps.trials.best_round is 'Boosting rounds kept: the best of the mean AUC curve over inner folds.';
comment on column sweeps.trials.n_rows is 'Training rows searched on.';
comment on column sweeps.trials.seconds is '[s] Time of the trial.';
comment on column sweeps.trials.run_id is 'Dagster run that wrote the row.';
comment on column sweeps.trials.code_version is 'Hash of the code that computed the row.';
comment on column sweeps.trials.data_version is 'Hash of the inputs the row was computed from.';
comment on column sweeps.trials.config_version is 'Hash of the resolved settings.';

create table sweeps.best (
    learner         varchar not null,
    block           integer not null,
    trial           integer not null,
    params_json     varchar not null,
    auc             double not null,
    best_round      integer not null,
    n_trials        integer not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table sweeps.best is
    'The winning trial per learner and block.';
comment on column sweeps.best.learner is 'Base learner.';
comment on column sweeps.best.block is 'Block the result serves; 0 is the final fit.';
comment on column sweeps.best.trial is 'Number of the trial.';
comment on column sweeps.best.params_json is 'Parameters.';
comment on column sweeps.best.auc is '[0..1] Mean over inner folds.';
comment on column sweeps.best.best_round is 'Boosting rounds kept.';
comment on column sweeps.best.n_trials is 'Trials of the sweep.';
comment on column sweeps.best.run_id is 'Dagster run that wrote the row.';
comment on column sweeps.best.code_version is 'Hash of the code that computed the row.';
comment on column sweeps.best.data_version is 'Hash of the inputs the row was computed from.';
comment on column sweeps.best.config_version is 'Hash of the resolved settings.';
