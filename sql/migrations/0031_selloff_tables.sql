-- Falls with what was known of them and what followed; they move to the lake by month.
-- The old table held what the next run computes anew.

drop table selloffs.events;

create table selloffs.events (
    symbol             varchar not null,
    session_date       date not null,
    rung               double not null,
    detected_at        timestamptz not null,
    session_open       double not null,
    low                double not null,
    close              double not null,
    volume             double,
    drop_frac          double not null,
    is_first           boolean not null,
    quality            varchar not null,
    n_missing_minutes  integer not null,
    run_id             varchar,
    code_version       varchar,
    data_version       varchar,
    config_version     varchar
);

comment on table selloffs.events is
    'First regular-session minute whose low reaches a rung, per symbol, session and rung; in the lake by month. Extended hours and opening gaps never count; half-days are short sessions; missing minutes are counted, never filled.';
comment on column selloffs.events.symbol is 'Ticker.';
comment on column selloffs.events.session_date is 'Exchange session.';
comment on column selloffs.events.rung is '[fraction] Depth of the rung.';
comment on column selloffs.events.detected_at is '[UTC] Close of the bar that reached it: the moment of the decision.';
comment on column selloffs.events.session_open is '[USD] First regular price of the session.';
comment on column selloffs.events.low is '[USD] Low of the bar, and so of the session so far.';
comment on column selloffs.events.close is '[USD] Close of the bar.';
comment on column selloffs.events.volume is '[shares] Volume of the bar.';
comment on column selloffs.events.drop_frac is '[-1..0] Low of the bar against the session''s open.';
comment on column selloffs.events.is_first is 'The shallowest rung this symbol reached first in the session: the one that may be traded.';
comment on column selloffs.events.quality is 'clean; late_open: the session''s first bar came late; after_halt: minutes without a bar right before; lone_tick: the low lies far below its own bar''s body. The first that holds.';
comment on column selloffs.events.n_missing_minutes is '[minutes] Regular minutes without a bar, from the session''s open to the bar.';
comment on column selloffs.events.run_id is 'Dagster run that wrote the row.';
comment on column selloffs.events.code_version is 'Hash of the code that computed the row.';
comment on column selloffs.events.data_version is 'Hash of the inputs the row was computed from.';
comment on column selloffs.events.config_version is 'Hash of the resolved settings.';

create table selloffs.features (
    symbol                    varchar not null,
    session_date              date not null,
    rung                      double not null,
    detected_at               timestamptz not null,
    session                   integer not null,
    session_open              double not null,
    low                       double not null,
    drop_frac                 double not null,
    high_52w_distance_frac    double,
    low_52w_distance_frac     double,
    place_in_52w_range        double,
    sma_20_distance_frac      double,
    sma_50_distance_frac      double,
    sma_200_distance_frac     double,
    is_above_sma_200          boolean,
    has_golden_cross          boolean,
    index_change_today_frac   double,
    vix_last_session          double,
    hour                      integer not null,
    minute                    integer not null,
    time_bucket               varchar not null,
    minutes_since_open        integer not null,
    minutes_to_close          integer not null,
    gap_frac                  double,
    prior_return_frac         double,
    return_5d_frac            double,
    atr_14_frac               double,
    volume_ratio              double,
    bar_volume_ratio          double,
    fall_per_minute_frac      double,
    change_5m_frac            double,
    change_15m_frac           double,
    minutes_from_high         double,
    vwap_distance_frac        double,
    realised_volatility       double,
    bar_place                 double,
    down_minutes_frac         double,
    sector_change_today_frac  double,
    market_breadth_frac       double,
    market_selloff_frac       double,
    half_spread_bps           double,
    stop_distance_frac        double,
    target_distance_frac      double,
    reward_to_risk            double,
    spread_level_bps          double,
    run_id                    varchar,
    code_version              varchar,
    data_version              varchar,
    config_version            varchar
);

comment on table selloffs.features is
    'What was known of a fall at detected_at: one row per event; in the lake by month. Missing context is a missing feature, never a missing event.';
comment on column selloffs.features.symbol is 'Ticker.';
comment on column selloffs.features.session_date is 'Exchange session.';
comment on column selloffs.features.rung is '[fraction] Depth of the rung.';
comment on column selloffs.features.detected_at is '[UTC] Close of the bar that reached it: the moment of the decision.';
comment on column selloffs.features.session is 'Ordinal of the session in the exchange calendar.';
comment on column selloffs.features.session_open is '[USD] First regular price of the session; identifies the row, never enters a model.';
comment on column selloffs.features.low is '[USD] Session low so far; identifies the row, never enters a model.';
comment on column selloffs.features.drop_frac is '[-1..0] Fall from the open to the low.';
comment on column selloffs.features.high_52w_distance_frac is '[fraction] Close at detection against the highest close of the last 252 sessions.';
comment on column selloffs.features.low_52w_distance_frac is '[fraction] Close at detection against the lowest close of the last 252 sessions.';
comment on column selloffs.features.place_in_52w_range is '[0..1] Place between those two; beyond them outside 0..1.';
comment on column selloffs.features.sma_20_distance_frac is '[fraction] Close at detection against the mean close of the last 20 sessions.';
comment on column selloffs.features.sma_50_distance_frac is '[fraction] As above, 50 sessions.';
comment on column selloffs.features.sma_200_distance_frac is '[fraction] As above, 200 sessions.';
comment on column selloffs.features.is_above_sma_200 is 'Close at detection above the mean of 200 sessions.';
comment on column selloffs.features.has_golden_cross is 'Mean of 50 sessions above that of 200, as of the session before.';
comment on column selloffs.features.index_change_today_frac is '[fraction] The broad index ETF at its last bar known by then, against its own open.';
comment on column selloffs.features.vix_last_session is '[points] VIX close of the session before.';
comment on column selloffs.features.hour is '[New York] Hour of detected_at.';
comment on column selloffs.features.minute is '[New York] Minute of detected_at.';
comment on column selloffs.features.time_bucket is 'opening (30 minutes) | morning (to 11:30) | midday (to 13:30) | afternoon | power_hour (less than an hour to the close).';
comment on column selloffs.features.minutes_since_open is '[minutes] From the session''s open to detected_at.';
comment on column selloffs.features.minutes_to_close is '[minutes] From detected_at to the session''s close; half-days are short.';
comment on column selloffs.features.gap_frac is '[fraction] Session open against the close before, rescaled to raw prices.';
comment on column selloffs.features.prior_return_frac is '[fraction] Return of the session before.';
comment on column selloffs.features.return_5d_frac is '[fraction] Return of the five sessions before.';
comment on column selloffs.features.atr_14_frac is '[fraction] Mean true range of 14 sessions before, over the close.';
comment on column selloffs.features.volume_ratio is '[1] Volume so far today against the mean of the last sessions by the same minute; missing below five of them.';
comment on column selloffs.features.bar_volume_ratio is '[1] Volume of the bar against the mean bar of today.';
comment on column selloffs.features.fall_per_minute_frac is '[fraction/minute] Fall from the session high so far to the low, per minute; positive.';
comment on column selloffs.features.change_5m_frac is '[fraction] Close against the close five minutes before.';
comment on column selloffs.features.change_15m_frac is '[fraction] Close against the close fifteen minutes before.';
comment on column selloffs.features.minutes_from_high is '[minutes] Since the session high so far.';
comment on column selloffs.features.vwap_distance_frac is '[fraction] Close against today''s volume-weighted price so far.';
comment on column selloffs.features.realised_volatility is '[fraction] Root of the sum of squared minute returns so far today.';
comment on column selloffs.features.bar_place is '[0..1] Close within the bar''s range; 0 at its low.';
comment on column selloffs.features.down_minutes_frac is '[0..1] Share of minutes so far that closed lower.';
comment on column selloffs.features.sector_change_today_frac is '[fraction] Mean change from the open of other equities of the sector, from bars closed by then.';
comment on column selloffs.features.market_breadth_frac is '[0..1] Share of other equities with minutes that lie below their open, from bars closed by then.';
comment on column selloffs.features.market_selloff_frac is '[0..1] Share of other equities with minutes that reached the first rung by then.';
comment on column selloffs.features.half_spread_bps is '[bps] Half-spread by time of day from the quotes of the sessions before, else modelled from their volume and ranges; at least half a tick; missing where neither is known.';
comment on column selloffs.features.stop_distance_frac is '[fraction] From the close down to the stop, were the close the entry.';
comment on column selloffs.features.target_distance_frac is '[fraction] From the close up to the target; negative where the close is beyond it.';
comment on column selloffs.features.reward_to_risk is '[1] Target distance over stop distance.';
comment on column selloffs.features.spread_level_bps is '[bps] Mean half-spread of a session, without floor, as half_spread_bps knows it; costs rest on it, it never enters a model.';
comment on column selloffs.features.run_id is 'Dagster run that wrote the row.';
comment on column selloffs.features.code_version is 'Hash of the code that computed the row.';
comment on column selloffs.features.data_version is 'Hash of the inputs the row was computed from.';
comment on column selloffs.features.config_version is 'Hash of the resolved settings.';

create table selloffs.outcomes (
    symbol               varchar not null,
    session_date         date not null,
    rung                 double not null,
    detected_at          timestamptz not null,
    entry_delay_minutes  integer not null,
    status               varchar not null,
    reason               varchar not null,
    entry_at             timestamptz,
    entry_price          double,
    stop_price           double,
    target_price         double,
    exit_at              timestamptz,
    exit_price           double,
    exit_reason          varchar,
    reversed             boolean,
    recovery_frac        double,
    peak_price           double,
    minutes_to_peak      integer,
    hold_minutes         integer,
    hold_bucket          varchar,
    shares               double,
    gross_r              double,
    cost_r               double,
    r_multiple           double,
    mfe_r                double,
    mae_r                double,
    known_at             timestamptz,
    run_id               varchar,
    code_version         varchar,
    data_version         varchar,
    config_version       varchar
);

comment on table selloffs.outcomes is
    'What followed a fall under the trade rule: one row per event and entry delay; in the lake by month.';
comment on column selloffs.outcomes.symbol is 'Ticker.';
comment on column selloffs.outcomes.session_date is 'Exchange session.';
comment on column selloffs.outcomes.rung is '[fraction] Depth of the rung.';
comment on column selloffs.outcomes.detected_at is '[UTC] Close of the bar that reached it: the moment of the decision.';
comment on column selloffs.outcomes.entry_delay_minutes is '[minutes] Waited after detected_at before entering; 0 and 1 are shown, the verdict uses 1.';
comment on column selloffs.outcomes.status is 'closed | pending | no_trade. Pending: the session''s bars are not complete yet.';
comment on column selloffs.outcomes.reason is 'no_bar | too_late | above_target | no_volume (of the entry bar) | too_small (capital for a whole share) | the event''s quality | session_not_complete; empty where closed.';
comment on column selloffs.outcomes.entry_at is '[UTC] Opening of the entry bar.';
comment on column selloffs.outcomes.entry_price is '[USD] Its open.';
comment on column selloffs.outcomes.stop_price is '[USD] Lower of the low so far x 0.999 and entry x (1 - rung/4).';
comment on column selloffs.outcomes.target_price is '[USD] Low at detection plus half the fall.';
comment on column selloffs.outcomes.exit_at is '[UTC] Close of the bar of the last fill.';
comment on column selloffs.outcomes.exit_price is '[USD] Where it was left; the mean of its fills, for none exceeds its share of a bar''s volume.';
comment on column selloffs.outcomes.exit_reason is 'target | stop | close.';
comment on column selloffs.outcomes.reversed is 'Recovered half of the fall before stop and close.';
comment on column selloffs.outcomes.recovery_frac is '[fraction of the fall] Peak against the low at detection; 0.5 and more is reversed.';
comment on column selloffs.outcomes.peak_price is '[USD] Highest high from entry until the stop''s bar, which does not count, or the close; never below the entry.';
comment on column selloffs.outcomes.minutes_to_peak is '[minutes] From entry to the peak''s bar.';
comment on column selloffs.outcomes.hold_minutes is '[minutes] From entry to exit.';
comment on column selloffs.outcomes.hold_bucket is 'Bucket of hold_minutes.';
comment on column selloffs.outcomes.shares is '[shares] One risk unit, as far as capital and the entry bar''s volume allow.';
comment on column selloffs.outcomes.gross_r is '[R] Exit less entry, over entry less stop.';
comment on column selloffs.outcomes.cost_r is '[R] Costs of both sides.';
comment on column selloffs.outcomes.r_multiple is '[R] Net: gross less costs.';
comment on column selloffs.outcomes.mfe_r is '[R >= 0] Largest gain on the way, gross.';
comment on column selloffs.outcomes.mae_r is '[R <= 0] Largest loss on the way, gross.';
comment on column selloffs.outcomes.known_at is '[UTC] When the outcome was known; missing while pending.';
comment on column selloffs.outcomes.run_id is 'Dagster run that wrote the row.';
comment on column selloffs.outcomes.code_version is 'Hash of the code that computed the row.';
comment on column selloffs.outcomes.data_version is 'Hash of the inputs the row was computed from.';
comment on column selloffs.outcomes.config_version is 'Hash of the resolved settings.';
