-- The scanner without a model against the scanner with it, on the same events.

create table selloffs.backtest (
    scanner             varchar not null,
    span                varchar not null,
    slice_kind          varchar not null,
    slice               varchar not null,
    n_events            bigint not null,
    n_trades            bigint not null,
    expectancy_r        double,
    expectancy_low      double,
    expectancy_high     double,
    gross_expectancy_r  double,
    hit_rate            double,
    profit_factor       double,
    max_drawdown_r      double,
    trades_per_week     double,
    difference_r        double,
    difference_low      double,
    difference_high     double,
    is_assessable       boolean not null,
    run_id              varchar,
    code_version        varchar,
    data_version        varchar,
    config_version      varchar
);

comment on table selloffs.backtest is
    'One row per scanner and slice; the interval is of the difference to taking all, over blocks of sessions.';
comment on column selloffs.backtest.scanner is 'take_all | trivial | model | model_tiered.';
comment on column selloffs.backtest.span is 'oof | holdout.';
comment on column selloffs.backtest.slice_kind is 'all | rung | regime | hour | sector | symbol | entry_delay | cost_multiple.';
comment on column selloffs.backtest.slice is 'Value of the slice.';
comment on column selloffs.backtest.n_events is 'Tradable events offered.';
comment on column selloffs.backtest.n_trades is 'Events taken.';
comment on column selloffs.backtest.expectancy_r is '[R] Mean net multiple of a trade, weighted by size.';
comment on column selloffs.backtest.expectancy_low is 'Lower end of its interval.';
comment on column selloffs.backtest.expectancy_high is 'Upper end.';
comment on column selloffs.backtest.gross_expectancy_r is '[R] Before costs.';
comment on column selloffs.backtest.hit_rate is '[0..1] Share of trades above zero.';
comment on column selloffs.backtest.profit_factor is 'Gains over losses.';
comment on column selloffs.backtest.max_drawdown_r is '[R <= 0] Deepest fall of the summed multiples.';
comment on column selloffs.backtest.trades_per_week is 'Trades a week of five sessions with minute bars.';
comment on column selloffs.backtest.difference_r is '[R] Expectancy less that of taking all.';
comment on column selloffs.backtest.difference_low is 'Lower end of its interval.';
comment on column selloffs.backtest.difference_high is 'Upper end.';
comment on column selloffs.backtest.is_assessable is 'Enough trades and sessions to be told.';
comment on column selloffs.backtest.run_id is 'Dagster run that wrote the row.';
comment on column selloffs.backtest.code_version is 'Hash of the code that computed the row.';
comment on column selloffs.backtest.data_version is 'Hash of the inputs the row was computed from.';
comment on column selloffs.backtest.config_version is 'Hash of the resolved settings.';

create table selloffs.equity (
    scanner         varchar not null,
    span            varchar not null,
    session_date    date not null,
    n_trades        integer not null,
    r_net           double not null,
    equity_r        double not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table selloffs.equity is
    'Summed net multiples of each scanner by session.';
comment on column selloffs.equity.scanner is 'take_all | trivial | model | model_tiered.';
comment on column selloffs.equity.span is 'oof | holdout.';
comment on column selloffs.equity.session_date is 'Session with at least one event.';
comment on column selloffs.equity.n_trades is 'Trades of the session.';
comment on column selloffs.equity.r_net is '[R] Sum of the session''s multiples.';
comment on column selloffs.equity.equity_r is '[R] Sum from the span''s start.';
comment on column selloffs.equity.run_id is 'Dagster run that wrote the row.';
comment on column selloffs.equity.code_version is 'Hash of the code that computed the row.';
comment on column selloffs.equity.data_version is 'Hash of the inputs the row was computed from.';
comment on column selloffs.equity.config_version is 'Hash of the resolved settings.';
