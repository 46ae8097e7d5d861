-- Searches of the base learners of scikit-learn, one table a learner.

create table sweeps.gradient_boosting (
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

comment on table sweeps.gradient_boosting is
    'Trials of histogram gradient boosting.';
comment on column sweeps.gradient_boosting.sweep_id is 'Learner, block and protocol.';
comment on column sweeps.gradient_boosting.learner is 'Base learner.';
comment on column sweeps.gradient_boosting.block is 'Block the result serves; 0 is the final fit.';
comment on column sweeps.gradient_boosting.trial is 'Number of the trial.';
comment on column sweeps.gradient_boosting.state is 'complete, pruned or failed.';
comment on column sweeps.gradient_boosting.params_json is 'Parameters.';
comment on column sweeps.gradient_boosting.fold_scores_json is 'AUC of each inner fold.';
comment on column sweeps.gradient_boosting.auc is '[0..1] Mean over inner folds.';
comment on column sweeps.gradient_boosting.best_round is 'Boosting rounds kept: the best of the mean AUC curve over inner folds.';
comment on column sweeps.gradient_boosting.n_rows is 'Training rows searched on.';
comment on column sweeps.gradient_boosting.seconds is '[s] Time of the trial.';
comment on column sweeps.gradient_boosting.run_id is 'Dagster run that wrote the row.';
comment on column sweeps.gradient_boosting.code_version is 'Hash of the code that computed the row.';
comment on column sweeps.gradient_boosting.data_version is 'Hash of the inputs the row was computed from.';
comment on column sweeps.gradient_boosting.config_version is 'Hash of the resolved settings.';

create table sweeps.random_forest (
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

comment on table sweeps.random_forest is
    'Trials of the random forest.';
comment on column sweeps.random_forest.sweep_id is 'Learner, block and protocol.';
comment on column sweeps.random_forest.learner is 'Base learner.';
comment on column sweeps.random_forest.block is 'Block the result serves; 0 is the final fit.';
comment on column sweeps.random_forest.trial is 'Number of the trial.';
comment on column sweeps.random_forest.state is 'complete, pruned or failed.';
comment on column sweeps.random_forest.params_json is 'Parameters.';
comment on column sweeps.random_forest.fold_scores_json is 'AUC of each inner fold.';
comment on column sweeps.random_forest.auc is '[0..1] Mean over inner folds.';
comment on column sweeps.random_forest.best_round is '1: the learner is fitted at once.';
comment on column sweeps.random_forest.n_rows is 'Training rows searched on.';
comment on column sweeps.random_forest.seconds is '[s] Time of the trial.';
comment on column sweeps.random_forest.run_id is 'Dagster run that wrote the row.';
comment on column sweeps.random_forest.code_version is 'Hash of the code that computed the row.';
comment on column sweeps.random_forest.data_version is 'Hash of the inputs the row was computed from.';
comment on column sweeps.random_forest.config_version is 'Hash of the resolved settings.';

create table sweeps.extra_trees (
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

comment on table sweeps.extra_trees is
    'Trials of extremely randomised trees.';
comment on column sweeps.extra_trees.sweep_id is 'Learner, block and protocol.';
comment on column sweeps.extra_trees.learner is 'Base learner.';
comment on column sweeps.extra_trees.block is 'Block the result serves; 0 is the final fit.';
comment on column sweeps.extra_trees.trial is 'Number of the trial.';
comment on column sweeps.extra_trees.state is 'complete, pruned or failed.';
comment on column sweeps.extra_trees.params_json is 'Parameters.';
comment on column sweeps.extra_trees.fold_scores_json is 'AUC of each inner fold.';
comment on column sweeps.extra_trees.auc is '[0..1] Mean over inner folds.';
comment on column sweeps.extra_trees.best_round is '1: the learner is fitted at once.';
comment on column sweeps.extra_trees.n_rows is 'Training rows searched on.';
comment on column sweeps.extra_trees.seconds is '[s] Time of the trial.';
comment on column sweeps.extra_trees.run_id is 'Dagster run that wrote the row.';
comment on column sweeps.extra_trees.code_version is 'Hash of the code that computed the row.';
comment on column sweeps.extra_trees.data_version is 'Hash of the inputs the row was computed from.';
comment on column sweeps.extra_trees.config_version is 'Hash of the resolved settings.';

create table sweeps.mlp (
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

comment on table sweeps.mlp is
    'Trials of the neural network.';
comment on column sweeps.mlp.sweep_id is 'Learner, block and protocol.';
comment on column sweeps.mlp.learner is 'Base learner.';
comment on column sweeps.mlp.block is 'Block the result serves; 0 is the final fit.';
comment on column sweeps.mlp.trial is 'Number of the trial.';
comment on column sweeps.mlp.state is 'complete, pruned or failed.';
comment on column sweeps.mlp.params_json is 'Parameters.';
comment on column sweeps.mlp.fold_scores_json is 'AUC of each inner fold.';
comment on column sweeps.mlp.auc is '[0..1] Mean over inner folds.';
comment on column sweeps.mlp.best_round is 'Epochs kept: the best of the mean AUC curve over inner folds.';
comment on column sweeps.mlp.n_rows is 'Training rows searched on.';
comment on column sweeps.mlp.seconds is '[s] Time of the trial.';
comment on column sweeps.mlp.run_id is 'Dagster run that wrote the row.';
comment on column sweeps.mlp.code_version is 'Hash of the code that computed the row.';
comment on column sweeps.mlp.data_version is 'Hash of the inputs the row was computed from.';
comment on column sweeps.mlp.config_version is 'Hash of the resolved settings.';

create table sweeps.logistic (
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

comment on table sweeps.logistic is
    'Trials of logistic regression.';
comment on column sweeps.logistic.sweep_id is 'Learner, block and protocol.';
comment on column sweeps.logistic.learner is 'Base learner.';
comment on column sweeps.logistic.block is 'Block the result serves; 0 is the final fit.';
comment on column sweeps.logistic.trial is 'Number of the trial.';
comment on column sweeps.logistic.state is 'complete, pruned or failed.';
comment on column sweeps.logistic.params_json is 'Parameters.';
comment on column sweeps.logistic.fold_scores_json is 'AUC of each inner fold.';
comment on column sweeps.logistic.auc is '[0..1] Mean over inner folds.';
comment on column sweeps.logistic.best_round is '1: the learner is fitted at once.';
comment on column sweeps.logistic.n_rows is 'Training rows searched on.';
comment on column sweeps.logistic.seconds is '[s] Time of the trial.';
comment on column sweeps.logistic.run_id is 'Dagster run that wrote the row.';
comment on column sweeps.logistic.code_version is 'Hash of the code that computed the row.';
comment on column sweeps.logistic.data_version is 'Hash of the inputs the row was computed from.';
comment on column sweeps.logistic.config_version is 'Hash of the resolved settings.';

create table sweeps.svm (
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

comment on table sweeps.svm is
    'Trials of the linear SVM.';
comment on column sweeps.svm.sweep_id is 'Learner, block and protocol.';
comment on column sweeps.svm.learner is 'Base learner.';
comment on column sweeps.svm.block is 'Block the result serves; 0 is the final fit.';
comment on column sweeps.svm.trial is 'Number of the trial.';
comment on column sweeps.svm.state is 'complete, pruned or failed.';
comment on column sweeps.svm.params_json is 'Parameters.';
comment on column sweeps.svm.fold_scores_json is 'AUC of each inner fold.';
comment on column sweeps.svm.auc is '[0..1] Mean over inner folds.';
comment on column sweeps.svm.best_round is '1: the learner is fitted at once.';
comment on column sweeps.svm.n_rows is 'Training rows searched on.';
comment on column sweeps.svm.seconds is '[s] Time of the trial.';
comment on column sweeps.svm.run_id is 'Dagster run that wrote the row.';
comment on column sweeps.svm.code_version is 'Hash of the code that computed the row.';
comment on column sweeps.svm.data_version is 'Hash of the inputs the row was computed from.';
comment on column sweeps.svm.config_version is 'Hash of the resolved settings.';
