-- Profit after costs over the hold-out.

create schema if not exists backtest;

create table backtest.trades (
    cohort          integer not null,
    symbol          varchar not null,
    side            varchar not null,
    decided_date    date not null,
    entry_date      date not null,
    exit_date       date not null,
    exit_reason     varchar not null,
    entry_price     double not null,
    exit_price      double not null,
    quantity        double not null,
    notional_usd    double not null,
    gross_pnl_usd   double not null,
    cost_usd        double not null,
    net_pnl_usd     double not null,
    probability     double not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table backtest.trades is
    'One row per position held for one cohort.';
comment on column backtest.trades.cohort is 'Session ordinal of the decision.';
comment on column backtest.trades.symbol is 'Ticker.';
comment on column backtest.trades.side is 'long or short.';
comment on column backtest.trades.decided_date is 'Session of the decision.';
comment on column backtest.trades.entry_date is 'Session of the entry.';
comment on column backtest.trades.exit_date is 'Session of the exit.';
comment on column backtest.trades.exit_reason is 'horizon, delisted, vendor_seam, or end_of_data.';
comment on column backtest.trades.entry_price is '[USD] Price of the entry, before costs.';
comment on column backtest.trades.exit_price is '[USD] Price of the exit in terms of the entry''s shares (splits, dividends), before costs.';
comment on column backtest.trades.quantity is '[shares] Of the entry, signed: negative is short.';
comment on column backtest.trades.notional_usd is '[USD] Absolute value at the entry.';
comment on column backtest.trades.gross_pnl_usd is '[USD] Before costs.';
comment on column backtest.trades.cost_usd is '[USD] Spread, slippage, commission and borrow.';
comment on column backtest.trades.net_pnl_usd is '[USD] After costs.';
comment on column backtest.trades.probability is '[0..1] Prediction that chose it.';
comment on column backtest.trades.run_id is 'Dagster run that wrote the row.';
comment on column backtest.trades.code_version is 'Hash of the code that computed the row.';
comment on column backtest.trades.data_version is 'Hash of the inputs the row was computed from.';
comment on column backtest.trades.config_version is 'Hash of the resolved settings.';

create table backtest.equity (
    session_date         date not null,
    cash_usd             double not null,
    position_usd         double not null,
    equity_usd           double not null,
    cost_usd             double not null,
    gross_exposure_frac  double not null,
    return_frac          double not null,
    drawdown_frac        double not null,
    index_return_frac    double,
    run_id               varchar,
    code_version         varchar,
    data_version         varchar,
    config_version       varchar
);

comment on table backtest.equity is
    'The book at every close.';
comment on column backtest.equity.session_date is 'Exchange session.';
comment on column backtest.equity.cash_usd is '[USD] Cash.';
comment on column backtest.equity.position_usd is '[USD] Sum of quantity times mark.';
comment on column backtest.equity.equity_usd is '[USD] Cash plus positions.';
comment on column backtest.equity.cost_usd is '[USD] Costs of the session.';
comment on column backtest.equity.gross_exposure_frac is '[fraction] Absolute exposure over equity.';
comment on column backtest.equity.return_frac is '[fraction] Change of equity over the fixed capital; returns add up.';
comment on column backtest.equity.drawdown_frac is '[-1..0] Equity below its peak.';
comment on column backtest.equity.index_return_frac is '[fraction] Change of the broad index.';
comment on column backtest.equity.run_id is 'Dagster run that wrote the row.';
comment on column backtest.equity.code_version is 'Hash of the code that computed the row.';
comment on column backtest.equity.data_version is 'Hash of the inputs the row was computed from.';
comment on column backtest.equity.config_version is 'Hash of the resolved settings.';

create table backtest.summary (
    metric          varchar not null,
    value           double,
    low             double,
    high            double,
    n               bigint,
    note            varchar not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table backtest.summary is
    'The figures of the book, each with n and an interval.';
comment on column backtest.summary.metric is 'Name with unit suffix.';
comment on column backtest.summary.value is 'Value.';
comment on column backtest.summary.low is 'Lower end of its interval.';
comment on column backtest.summary.high is 'Upper end of its interval.';
comment on column backtest.summary.n is 'Observations.';
comment on column backtest.summary.note is 'What it rests on.';
comment on column backtest.summary.run_id is 'Dagster run that wrote the row.';
comment on column backtest.summary.code_version is 'Hash of the code that computed the row.';
comment on column backtest.summary.data_version is 'Hash of the inputs the row was computed from.';
comment on column backtest.summary.config_version is 'Hash of the resolved settings.';
