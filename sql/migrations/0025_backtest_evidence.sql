-- What the book's figures prove: trials' returns, evidence, cost sensitivity, falls and months.

alter table sweeps.lightgbm add column returns_json varchar;

comment on column sweeps.lightgbm.returns_json is
    'JSON: mean return of each horizon''s cohorts of the trial''s out-of-fold ranks, before costs, by the ordinal it begins with; {} where the trial is not complete.';

alter table sweeps.xgboost add column returns_json varchar;

comment on column sweeps.xgboost.returns_json is
    'JSON: mean return of each horizon''s cohorts of the trial''s out-of-fold ranks, before costs, by the ordinal it begins with; {} where the trial is not complete.';

alter table sweeps.catboost add column returns_json varchar;

comment on column sweeps.catboost.returns_json is
    'JSON: mean return of each horizon''s cohorts of the trial''s out-of-fold ranks, before costs, by the ordinal it begins with; {} where the trial is not complete.';

alter table sweeps.gradient_boosting add column returns_json varchar;

comment on column sweeps.gradient_boosting.returns_json is
    'JSON: mean return of each horizon''s cohorts of the trial''s out-of-fold ranks, before costs, by the ordinal it begins with; {} where the trial is not complete.';

alter table sweeps.random_forest add column returns_json varchar;

comment on column sweeps.random_forest.returns_json is
    'JSON: mean return of each horizon''s cohorts of the trial''s out-of-fold ranks, before costs, by the ordinal it begins with; {} where the trial is not complete.';

alter table sweeps.extra_trees add column returns_json varchar;

comment on column sweeps.extra_trees.returns_json is
    'JSON: mean return of each horizon''s cohorts of the trial''s out-of-fold ranks, before costs, by the ordinal it begins with; {} where the trial is not complete.';

alter table sweeps.mlp add column returns_json varchar;

comment on column sweeps.mlp.returns_json is
    'JSON: mean return of each horizon''s cohorts of the trial''s out-of-fold ranks, before costs, by the ordinal it begins with; {} where the trial is not complete.';

alter table sweeps.logistic add column returns_json varchar;

comment on column sweeps.logistic.returns_json is
    'JSON: mean return of each horizon''s cohorts of the trial''s out-of-fold ranks, before costs, by the ordinal it begins with; {} where the trial is not complete.';

alter table sweeps.svm add column returns_json varchar;

comment on column sweeps.svm.returns_json is
    'JSON: mean return of each horizon''s cohorts of the trial''s out-of-fold ranks, before costs, by the ordinal it begins with; {} where the trial is not complete.';

alter table sweeps.trials add column returns_json varchar;

comment on column sweeps.trials.returns_json is
    'JSON: mean return of each horizon''s cohorts of the trial''s out-of-fold ranks, before costs, by the ordinal it begins with; {} where the trial is not complete.';

create table backtest.evidence (
    metric          varchar not null,
    value           double,
    low             double,
    high            double,
    n               bigint not null,
    first_date      date,
    last_date       date,
    note            varchar not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table backtest.evidence is
    'What the book''s figures prove after all the trying, each with n, interval and period.';
comment on column backtest.evidence.metric is 'Name with unit suffix.';
comment on column backtest.evidence.value is 'Value; missing where not assessable.';
comment on column backtest.evidence.low is 'Lower end of its interval.';
comment on column backtest.evidence.high is 'Upper end of its interval.';
comment on column backtest.evidence.n is 'Observations: trials, horizons, sessions or orders, as the note says.';
comment on column backtest.evidence.first_date is 'First session it rests on.';
comment on column backtest.evidence.last_date is 'Last session it rests on.';
comment on column backtest.evidence.note is 'What it rests on, or why it is not assessable.';
comment on column backtest.evidence.run_id is 'Dagster run that wrote the row.';
comment on column backtest.evidence.code_version is 'Hash of the code that computed the row.';
comment on column backtest.evidence.data_version is 'Hash of the inputs the row was computed from.';
comment on column backtest.evidence.config_version is 'Hash of the resolved settings.';

create table backtest.sensitivity (
    cost_multiple    double not null,
    cost_bps         double not null,
    cost_frac        double not null,
    net_return_frac  double not null,
    sharpe_net       double,
    sharpe_low       double,
    sharpe_high      double,
    n_sessions       integer not null,
    first_date       date not null,
    last_date        date not null,
    run_id           varchar,
    code_version     varchar,
    data_version     varchar,
    config_version   varchar
);

comment on table backtest.sensitivity is
    'The book at multiples of all its costs.';
comment on column backtest.sensitivity.cost_multiple is '[times] Multiple of every cost; 1 is the book.';
comment on column backtest.sensitivity.cost_bps is '[bps] Costs over all that was bought and sold.';
comment on column backtest.sensitivity.cost_frac is '[fraction] Costs over the fixed capital.';
comment on column backtest.sensitivity.net_return_frac is '[fraction] After these costs, over the fixed capital; linear in the multiple.';
comment on column backtest.sensitivity.sharpe_net is '[per year] Sharpe ratio after these costs.';
comment on column backtest.sensitivity.sharpe_low is '[per year] Lower end of its interval.';
comment on column backtest.sensitivity.sharpe_high is '[per year] Upper end of its interval.';
comment on column backtest.sensitivity.n_sessions is '[sessions] Returns counted.';
comment on column backtest.sensitivity.first_date is 'First session.';
comment on column backtest.sensitivity.last_date is 'Last session.';
comment on column backtest.sensitivity.run_id is 'Dagster run that wrote the row.';
comment on column backtest.sensitivity.code_version is 'Hash of the code that computed the row.';
comment on column backtest.sensitivity.data_version is 'Hash of the inputs the row was computed from.';
comment on column backtest.sensitivity.config_version is 'Hash of the resolved settings.';

create table backtest.drawdowns (
    position         integer not null,
    peak_date        date not null,
    trough_date      date not null,
    recovered_date   date,
    depth_frac       double not null,
    n_sessions_down  integer not null,
    n_sessions_up    integer,
    n_sessions       integer not null,
    run_id           varchar,
    code_version     varchar,
    data_version     varchar,
    config_version   varchar
);

comment on table backtest.drawdowns is
    'Every fall of the book below a peak, deepest first.';
comment on column backtest.drawdowns.position is 'Place in the list, from 1.';
comment on column backtest.drawdowns.peak_date is 'Close of the peak.';
comment on column backtest.drawdowns.trough_date is 'Lowest close.';
comment on column backtest.drawdowns.recovered_date is 'First close at or above the peak; missing while the fall is open.';
comment on column backtest.drawdowns.depth_frac is '[-1..0] Lowest close below the peak.';
comment on column backtest.drawdowns.n_sessions_down is '[sessions] From the peak to the lowest close.';
comment on column backtest.drawdowns.n_sessions_up is '[sessions] From the lowest close to the recovery; missing while open.';
comment on column backtest.drawdowns.n_sessions is '[sessions] From the peak to the recovery, or to the last close.';
comment on column backtest.drawdowns.run_id is 'Dagster run that wrote the row.';
comment on column backtest.drawdowns.code_version is 'Hash of the code that computed the row.';
comment on column backtest.drawdowns.data_version is 'Hash of the inputs the row was computed from.';
comment on column backtest.drawdowns.config_version is 'Hash of the resolved settings.';

create table backtest.monthly (
    month_date           date not null,
    net_return_frac      double not null,
    cost_frac            double not null,
    gross_return_frac    double not null,
    index_return_frac    double,
    gross_exposure_frac  double not null,
    turnover_frac        double not null,
    n_entries            integer not null,
    n_sessions           integer not null,
    run_id               varchar,
    code_version         varchar,
    data_version         varchar,
    config_version       varchar
);

comment on table backtest.monthly is
    'The book by calendar month.';
comment on column backtest.monthly.month_date is 'First day of the month.';
comment on column backtest.monthly.net_return_frac is '[fraction] After costs, over the fixed capital; months add up.';
comment on column backtest.monthly.cost_frac is '[fraction] Costs over the fixed capital.';
comment on column backtest.monthly.gross_return_frac is '[fraction] Before costs, over the fixed capital.';
comment on column backtest.monthly.index_return_frac is '[fraction] Change of the broad index over its known sessions.';
comment on column backtest.monthly.gross_exposure_frac is '[fraction] Mean absolute exposure over equity.';
comment on column backtest.monthly.turnover_frac is '[fraction] Entries and exits over the fixed capital.';
comment on column backtest.monthly.n_entries is 'Positions opened.';
comment on column backtest.monthly.n_sessions is '[sessions] Of the month, inside the book.';
comment on column backtest.monthly.run_id is 'Dagster run that wrote the row.';
comment on column backtest.monthly.code_version is 'Hash of the code that computed the row.';
comment on column backtest.monthly.data_version is 'Hash of the inputs the row was computed from.';
comment on column backtest.monthly.config_version is 'Hash of the resolved settings.';
