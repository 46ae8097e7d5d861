-- What the live scanner said: appended, never updated, never computed again.

create table selloffs.alerts (
    alert_id       varchar primary key,
    scan_id        varchar not null,
    mode           varchar not null,
    symbol         varchar not null,
    session_date   date not null,
    rung           double not null,
    detected_at    timestamptz not null,
    session_open   double not null,
    low            double not null,
    close          double not null,
    drop_frac      double not null,
    status         varchar not null,
    reason         varchar not null,
    probability    double,
    expected_r     double,
    risk_tier      double not null,
    rank           integer not null,
    stop_price     double,
    target_price   double,
    shares         double,
    reasons_json   varchar not null,
    features_json  varchar not null,
    model_version  varchar,
    alerted_at     timestamptz not null,
    latency_ms     double not null
);

comment on table selloffs.alerts is
    'One row per event and scan session that the scanner spoke about, live or replayed.';
comment on column selloffs.alerts.alert_id is 'Hash of mode, symbol, session and rung: the same event never twice in one mode.';
comment on column selloffs.alerts.scan_id is 'Row of scans.history.';
comment on column selloffs.alerts.mode is 'live | replay.';
comment on column selloffs.alerts.symbol is 'Ticker.';
comment on column selloffs.alerts.session_date is 'Exchange session.';
comment on column selloffs.alerts.rung is '[fraction] Depth of the rung.';
comment on column selloffs.alerts.detected_at is '[UTC] Close of the bar that reached it.';
comment on column selloffs.alerts.session_open is '[USD] First regular price.';
comment on column selloffs.alerts.low is '[USD] Session low so far.';
comment on column selloffs.alerts.close is '[USD] Close of the bar.';
comment on column selloffs.alerts.drop_frac is '[-1..0] Fall from the open.';
comment on column selloffs.alerts.status is 'alert | withheld.';
comment on column selloffs.alerts.reason is 'Why it is withheld; empty for an alert.';
comment on column selloffs.alerts.probability is '[0..1] Calibrated probability of reversal; missing without a model.';
comment on column selloffs.alerts.expected_r is '[R] Expected net multiple; missing without a model.';
comment on column selloffs.alerts.risk_tier is '[risk units] 0, 0.25, 0.5 or 1.';
comment on column selloffs.alerts.rank is 'Among the alerts of one minute, by expected R, else by fall; 1 is first.';
comment on column selloffs.alerts.stop_price is '[USD] Were the close the entry.';
comment on column selloffs.alerts.target_price is '[USD] Low plus half the fall.';
comment on column selloffs.alerts.shares is '[shares] Of the tier''s risk, at the close; 0 for none.';
comment on column selloffs.alerts.reasons_json is 'Features with the largest contributions and their values.';
comment on column selloffs.alerts.features_json is 'The features the model was asked with.';
comment on column selloffs.alerts.model_version is 'Model in service; missing without one.';
comment on column selloffs.alerts.alerted_at is '[UTC] Clock when it was written.';
comment on column selloffs.alerts.latency_ms is '[ms] From the bar''s arrival to the alert.';
