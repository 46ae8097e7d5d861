-- Base learners, meta-learner, calibration, and the one look at the hold-out.

create schema if not exists ensemble;

create table ensemble.oof (
    symbol           varchar not null,
    session_date     date not null,
    session          integer not null,
    block            integer not null,
    learner          varchar not null,
    oof_probability  double not null,
    label            integer not null,
    run_id           varchar,
    code_version     varchar,
    data_version     varchar,
    config_version   varchar
);

comment on table ensemble.oof is
    'Out-of-fold probabilities, walk-forward; the first block has none.';
comment on column ensemble.oof.symbol is 'Ticker.';
comment on column ensemble.oof.session_date is 'Session of the decision.';
comment on column ensemble.oof.session is 'Its ordinal.';
comment on column ensemble.oof.block is 'Block the row was predicted in.';
comment on column ensemble.oof.learner is 'Base learner, or stack.';
comment on column ensemble.oof.oof_probability is '[0..1] Chance of label 1.';
comment on column ensemble.oof.label is 'What followed.';
comment on column ensemble.oof.run_id is 'Dagster run that wrote the row.';
comment on column ensemble.oof.code_version is 'Hash of the code that computed the row.';
comment on column ensemble.oof.data_version is 'Hash of the inputs the row was computed from.';
comment on column ensemble.oof.config_version is 'Hash of the resolved settings.';

create table ensemble.model (
    model_version   varchar not null,
    recipe_id       varchar not null,
    member          varchar not null,
    path            varchar not null,
    sha256          varchar not null,
    n_bytes         bigint not null,
    params_json     varchar not null,
    n_features      integer not null,
    n_rows          bigint not null,
    train_start     date not null,
    train_end       date not null,
    protocol_id     varchar not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table ensemble.model is
    'Files of the judged model: one row per member.';
comment on column ensemble.model.model_version is 'Version.';
comment on column ensemble.model.recipe_id is 'Hash of features, parameters and seeds.';
comment on column ensemble.model.member is 'Learner name, meta_learner or calibrator.';
comment on column ensemble.model.path is 'File relative to the home, native format.';
comment on column ensemble.model.sha256 is 'Hash of the file.';
comment on column ensemble.model.n_bytes is '[bytes] Size.';
comment on column ensemble.model.params_json is 'Parameters.';
comment on column ensemble.model.n_features is 'Features read.';
comment on column ensemble.model.n_rows is 'Training rows.';
comment on column ensemble.model.train_start is 'First training session.';
comment on column ensemble.model.train_end is 'Last training session.';
comment on column ensemble.model.protocol_id is 'Protocol.';
comment on column ensemble.model.run_id is 'Dagster run that wrote the row.';
comment on column ensemble.model.code_version is 'Hash of the code that computed the row.';
comment on column ensemble.model.data_version is 'Hash of the inputs the row was computed from.';
comment on column ensemble.model.config_version is 'Hash of the resolved settings.';

create table ensemble.holdout (
    symbol              varchar not null,
    session_date        date not null,
    session             integer not null,
    learner             varchar not null,
    probability         double not null,
    label               integer not null,
    excess_return_frac  double not null,
    regime              varchar not null,
    protocol_id         varchar not null,
    run_id              varchar,
    code_version        varchar,
    data_version        varchar,
    config_version      varchar
);

comment on table ensemble.holdout is
    'Predictions over the hold-out, by the stack, its learners and the baselines.';
comment on column ensemble.holdout.symbol is 'Ticker.';
comment on column ensemble.holdout.session_date is 'Session of the decision.';
comment on column ensemble.holdout.session is 'Its ordinal.';
comment on column ensemble.holdout.learner is 'stack, a base learner, volatility_only, or champion.';
comment on column ensemble.holdout.probability is '[0..1] Chance of label 1.';
comment on column ensemble.holdout.label is 'What followed.';
comment on column ensemble.holdout.excess_return_frac is '[fraction] What followed.';
comment on column ensemble.holdout.regime is 'Point-in-time regime of the session.';
comment on column ensemble.holdout.protocol_id is 'Protocol.';
comment on column ensemble.holdout.run_id is 'Dagster run that wrote the row.';
comment on column ensemble.holdout.code_version is 'Hash of the code that computed the row.';
comment on column ensemble.holdout.data_version is 'Hash of the inputs the row was computed from.';
comment on column ensemble.holdout.config_version is 'Hash of the resolved settings.';

create table ensemble.scores (
    learner            varchar not null,
    regime             varchar not null,
    n_rows             bigint not null,
    n_sessions         integer not null,
    n_horizons         double not null,
    is_assessable      boolean not null,
    auc                double,
    auc_low            double,
    auc_high           double,
    rank_ic            double,
    rank_ic_low        double,
    rank_ic_high       double,
    accuracy           double,
    ece                double,
    calibration_slope  double,
    protocol_id        varchar not null,
    run_id             varchar,
    code_version       varchar,
    data_version       varchar,
    config_version     varchar
);

comment on table ensemble.scores is
    'Scores on the hold-out with n and intervals, by regime.';
comment on column ensemble.scores.learner is 'stack, a base learner, volatility_only, or champion.';
comment on column ensemble.scores.regime is 'all, or a regime.';
comment on column ensemble.scores.n_rows is 'Rows scored.';
comment on column ensemble.scores.n_sessions is 'Sessions scored.';
comment on column ensemble.scores.n_horizons is 'Independent horizons: sessions / horizon.';
comment on column ensemble.scores.is_assessable is 'Enough independent horizons.';
comment on column ensemble.scores.auc is '[0..1] Area under the ROC curve.';
comment on column ensemble.scores.auc_low is '[0..1] Lower end of its interval.';
comment on column ensemble.scores.auc_high is '[0..1] Upper end of its interval.';
comment on column ensemble.scores.rank_ic is '[-1..1] Mean Spearman correlation per session.';
comment on column ensemble.scores.rank_ic_low is 'Lower end of its interval.';
comment on column ensemble.scores.rank_ic_high is 'Upper end of its interval.';
comment on column ensemble.scores.accuracy is '[0..1] At probability 0.5.';
comment on column ensemble.scores.ece is '[0..1] Expected calibration error.';
comment on column ensemble.scores.calibration_slope is '[1] Logistic slope; 1 is calibrated.';
comment on column ensemble.scores.protocol_id is 'Protocol.';
comment on column ensemble.scores.run_id is 'Dagster run that wrote the row.';
comment on column ensemble.scores.code_version is 'Hash of the code that computed the row.';
comment on column ensemble.scores.data_version is 'Hash of the inputs the row was computed from.';
comment on column ensemble.scores.config_version is 'Hash of the resolved settings.';

create table ensemble.deployed (
    model_version   varchar not null,
    recipe_id       varchar not null,
    member          varchar not null,
    path            varchar not null,
    sha256          varchar not null,
    n_bytes         bigint not null,
    params_json     varchar not null,
    n_features      integer not null,
    n_rows          bigint not null,
    train_start     date not null,
    train_end       date not null,
    protocol_id     varchar not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table ensemble.deployed is
    'Files of the refit on all closed labels: the version put in service.';
comment on column ensemble.deployed.model_version is 'Version.';
comment on column ensemble.deployed.recipe_id is 'Recipe it was refitted from.';
comment on column ensemble.deployed.member is 'Learner name, meta_learner or calibrator.';
comment on column ensemble.deployed.path is 'File relative to the home, native format.';
comment on column ensemble.deployed.sha256 is 'Hash of the file.';
comment on column ensemble.deployed.n_bytes is '[bytes] Size.';
comment on column ensemble.deployed.params_json is 'Parameters.';
comment on column ensemble.deployed.n_features is 'Features read.';
comment on column ensemble.deployed.n_rows is 'Training rows.';
comment on column ensemble.deployed.train_start is 'First training session.';
comment on column ensemble.deployed.train_end is 'Last training session.';
comment on column ensemble.deployed.protocol_id is 'Protocol of the recipe.';
comment on column ensemble.deployed.run_id is 'Dagster run that wrote the row.';
comment on column ensemble.deployed.code_version is 'Hash of the code that computed the row.';
comment on column ensemble.deployed.data_version is 'Hash of the inputs the row was computed from.';
comment on column ensemble.deployed.config_version is 'Hash of the resolved settings.';
