-- The model of falls: what it said, its files, its worth, its reasons, its drift.

create table selloffs.scores (
    symbol                varchar not null,
    session_date          date not null,
    rung                  double not null,
    detected_at           timestamptz not null,
    session               integer not null,
    block                 integer not null,
    is_holdout            boolean not null,
    probability           double not null,
    expected_r            double not null,
    trivial_probability   double not null,
    majority_probability  double not null,
    risk_tier             double not null,
    is_selected           boolean not null,
    label                 integer not null,
    r_multiple            double not null,
    regime                varchar not null,
    is_first              boolean not null,
    run_id                varchar,
    code_version          varchar,
    data_version          varchar,
    config_version        varchar
);

comment on table selloffs.scores is
    'What was said of an event by models that had not seen it, beside what followed at the verdict''s delay.';
comment on column selloffs.scores.symbol is 'Ticker.';
comment on column selloffs.scores.session_date is 'Exchange session.';
comment on column selloffs.scores.rung is '[fraction] Depth of the rung.';
comment on column selloffs.scores.detected_at is '[UTC] Close of the bar that reached it: the moment of the decision.';
comment on column selloffs.scores.session is 'Ordinal of the session.';
comment on column selloffs.scores.block is 'Test block of the protocol; 0 is the hold-out.';
comment on column selloffs.scores.is_holdout is 'In the hold-out, judged once.';
comment on column selloffs.scores.probability is '[0..1] Calibrated probability of reversal.';
comment on column selloffs.scores.expected_r is '[R] Expected net multiple.';
comment on column selloffs.scores.trivial_probability is '[0..1] The baseline: distance to stop and target, and time of day alone.';
comment on column selloffs.scores.majority_probability is '[0..1] The baseline: base rate of the training events.';
comment on column selloffs.scores.risk_tier is '[risk units] 0, 0.25, 0.5 or 1 by probability; 0 where the expected R is not above zero.';
comment on column selloffs.scores.is_selected is 'Among the third with the highest expected R, by a threshold of the training span.';
comment on column selloffs.scores.label is '1 where it reversed.';
comment on column selloffs.scores.r_multiple is '[R] Net, at the verdict''s delay.';
comment on column selloffs.scores.regime is 'Market regime of the session before.';
comment on column selloffs.scores.is_first is 'May be traded: the session''s first rung of its symbol.';
comment on column selloffs.scores.run_id is 'Dagster run that wrote the row.';
comment on column selloffs.scores.code_version is 'Hash of the code that computed the row.';
comment on column selloffs.scores.data_version is 'Hash of the inputs the row was computed from.';
comment on column selloffs.scores.config_version is 'Hash of the resolved settings.';

create table selloffs.model (
    kind            varchar not null,
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

comment on table selloffs.model is
    'Files of the model of falls, as judged and as refitted for service: one row per member.';
comment on column selloffs.model.kind is 'judged: fitted before the hold-out | deployed: its recipe on every closed outcome.';
comment on column selloffs.model.model_version is 'Name of the version.';
comment on column selloffs.model.recipe_id is 'Hash of features, parameters and seeds.';
comment on column selloffs.model.member is 'Learner, or part of the second level.';
comment on column selloffs.model.path is 'File below the home.';
comment on column selloffs.model.sha256 is 'Hash of the file.';
comment on column selloffs.model.n_bytes is '[bytes] Size of the file.';
comment on column selloffs.model.params_json is 'Parameters.';
comment on column selloffs.model.n_features is 'Number of features.';
comment on column selloffs.model.n_rows is 'Training events.';
comment on column selloffs.model.train_start is 'First training session.';
comment on column selloffs.model.train_end is 'Last training session.';
comment on column selloffs.model.protocol_id is 'Evaluation protocol.';
comment on column selloffs.model.run_id is 'Dagster run that wrote the row.';
comment on column selloffs.model.code_version is 'Hash of the code that computed the row.';
comment on column selloffs.model.data_version is 'Hash of the inputs the row was computed from.';
comment on column selloffs.model.config_version is 'Hash of the resolved settings.';

create table selloffs.metrics (
    learner            varchar not null,
    span               varchar not null,
    regime             varchar not null,
    n_events           bigint not null,
    n_sessions         integer not null,
    n_study            bigint not null,
    is_assessable      boolean not null,
    base_rate          double,
    auc                double,
    auc_low            double,
    auc_high           double,
    accuracy           double,
    accuracy_low       double,
    accuracy_high      double,
    ece                double,
    calibration_slope  double,
    protocol_id        varchar not null,
    run_id             varchar,
    code_version       varchar,
    data_version       varchar,
    config_version     varchar
);

comment on table selloffs.metrics is
    'Scores of the model of falls and its baselines out of sample, with n and intervals.';
comment on column selloffs.metrics.learner is 'model | trivial | majority.';
comment on column selloffs.metrics.span is 'oof | holdout.';
comment on column selloffs.metrics.regime is 'A regime, or all.';
comment on column selloffs.metrics.n_events is 'Events judged.';
comment on column selloffs.metrics.n_sessions is 'Sessions they lie in.';
comment on column selloffs.metrics.n_study is 'Closed falls of training span and hold-out together.';
comment on column selloffs.metrics.is_assessable is 'Enough falls in the study, and sessions judged, to be told.';
comment on column selloffs.metrics.base_rate is '[0..1] Share that reversed.';
comment on column selloffs.metrics.auc is 'AUC.';
comment on column selloffs.metrics.auc_low is 'Lower end of its interval.';
comment on column selloffs.metrics.auc_high is 'Upper end.';
comment on column selloffs.metrics.accuracy is '[0..1] Share on the right side of one half.';
comment on column selloffs.metrics.accuracy_low is 'Lower end of its interval.';
comment on column selloffs.metrics.accuracy_high is 'Upper end.';
comment on column selloffs.metrics.ece is 'Expected calibration error.';
comment on column selloffs.metrics.calibration_slope is 'Logistic slope; 1 is calibrated.';
comment on column selloffs.metrics.protocol_id is 'Evaluation protocol.';
comment on column selloffs.metrics.run_id is 'Dagster run that wrote the row.';
comment on column selloffs.metrics.code_version is 'Hash of the code that computed the row.';
comment on column selloffs.metrics.data_version is 'Hash of the inputs the row was computed from.';
comment on column selloffs.metrics.config_version is 'Hash of the resolved settings.';

create table selloffs.verdicts (
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

comment on table selloffs.verdicts is
    'One row per criterion of the verdict on the model of falls; a verdict proposes, a human decides.';
comment on column selloffs.verdicts.model_version is 'Judged version.';
comment on column selloffs.verdicts.recipe_id is 'Its recipe.';
comment on column selloffs.verdicts.protocol_id is 'Evaluation protocol.';
comment on column selloffs.verdicts.verdict is 'promoted | rejected | undecided.';
comment on column selloffs.verdicts.position is 'Order of the criteria.';
comment on column selloffs.verdicts.criterion is 'Name of the criterion.';
comment on column selloffs.verdicts.value is 'Measured number; missing where it could not be told.';
comment on column selloffs.verdicts.threshold is 'What was required.';
comment on column selloffs.verdicts.is_passed is 'Missing where it could not be assessed.';
comment on column selloffs.verdicts.detail is 'What the number rests on.';
comment on column selloffs.verdicts.seconds is '[s] Measured duration, where the criterion is one.';
comment on column selloffs.verdicts.run_id is 'Dagster run that wrote the row.';
comment on column selloffs.verdicts.code_version is 'Hash of the code that computed the row.';
comment on column selloffs.verdicts.data_version is 'Hash of the inputs the row was computed from.';
comment on column selloffs.verdicts.config_version is 'Hash of the resolved settings.';

create table selloffs.explanations (
    model_version   varchar not null,
    learner         varchar not null,
    regime          varchar not null,
    feature         varchar not null,
    importance      double not null,
    share_frac      double not null,
    rank            integer not null,
    relation        double,
    relation_low    double,
    relation_high   double,
    sign            integer,
    is_flipped      boolean not null,
    is_assessable   boolean not null,
    n_rows          bigint not null,
    n_sessions      integer not null,
    n_horizons      double not null,
    protocol_id     varchar not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table selloffs.explanations is
    'What moves the model of falls: mean size of each feature''s contribution, by regime.';
comment on column selloffs.explanations.model_version is 'Explained version.';
comment on column selloffs.explanations.learner is 'Learner, or their mean.';
comment on column selloffs.explanations.regime is 'A regime, or all.';
comment on column selloffs.explanations.feature is 'Feature.';
comment on column selloffs.explanations.importance is '[log odds] Mean absolute contribution.';
comment on column selloffs.explanations.share_frac is '[0..1] Share of all importance.';
comment on column selloffs.explanations.rank is '1 is the most important.';
comment on column selloffs.explanations.relation is '[-1..1] Rank correlation of value and contribution.';
comment on column selloffs.explanations.relation_low is 'Lower end of its interval.';
comment on column selloffs.explanations.relation_high is 'Upper end.';
comment on column selloffs.explanations.sign is 'Sign of the relation; missing where it cannot be told.';
comment on column selloffs.explanations.is_flipped is 'Two assessable regimes contradict each other.';
comment on column selloffs.explanations.is_assessable is 'Enough independent sessions.';
comment on column selloffs.explanations.n_rows is 'Events explained.';
comment on column selloffs.explanations.n_sessions is 'Sessions they lie in.';
comment on column selloffs.explanations.n_horizons is 'Independent outcomes.';
comment on column selloffs.explanations.protocol_id is 'Evaluation protocol.';
comment on column selloffs.explanations.run_id is 'Dagster run that wrote the row.';
comment on column selloffs.explanations.code_version is 'Hash of the code that computed the row.';
comment on column selloffs.explanations.data_version is 'Hash of the inputs the row was computed from.';
comment on column selloffs.explanations.config_version is 'Hash of the resolved settings.';

create table selloffs.drift (
    model_version   varchar not null,
    session_date    date not null,
    feature         varchar not null,
    psi             double,
    ks              double,
    threshold       double,
    is_drifted      boolean not null,
    status          varchar not null,
    n_reference     bigint not null,
    n_live          bigint not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table selloffs.drift is
    'How far the newest falls lie from those the model in service learned from, per feature.';
comment on column selloffs.drift.model_version is 'Model in service.';
comment on column selloffs.drift.session_date is 'Newest session with falls.';
comment on column selloffs.drift.feature is 'Feature.';
comment on column selloffs.drift.psi is 'Population stability index.';
comment on column selloffs.drift.ks is 'Largest distance of the distribution functions.';
comment on column selloffs.drift.threshold is 'What windows of the training span do by themselves.';
comment on column selloffs.drift.is_drifted is 'Beyond the limit and the threshold.';
comment on column selloffs.drift.status is 'stable | watch | drifted | not_assessable.';
comment on column selloffs.drift.n_reference is 'Training events with a value.';
comment on column selloffs.drift.n_live is 'Newest events with a value.';
comment on column selloffs.drift.run_id is 'Dagster run that wrote the row.';
comment on column selloffs.drift.code_version is 'Hash of the code that computed the row.';
comment on column selloffs.drift.data_version is 'Hash of the inputs the row was computed from.';
comment on column selloffs.drift.config_version is 'Hash of the resolved settings.';

comment on column gate.decisions.role is
    'champion or shadow of the daily model; selloff_champion or selloff_shadow of the model of falls.';
