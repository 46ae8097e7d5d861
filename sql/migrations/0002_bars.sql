-- Clean bars as the vendors gave them, the context beside them, and what was refused with its reason.

create schema if not exists bars;

create table bars.daily (
    symbol           varchar not null,
    session_date     date not null,
    session          integer not null,
    open             double,
    high             double,
    low              double,
    close            double not null,
    volume           double,
    adj_factor       double not null,
    prices           varchar not null,
    has_vendor_seam  boolean not null,
    vendor           varchar not null,
    known_at         timestamptz not null,
    run_id           varchar,
    code_version     varchar,
    data_version     varchar,
    config_version   varchar
);

comment on table bars.daily is
    'One bar per symbol and session; prices as delivered, adjusted only through adj_factor.';
comment on column bars.daily.symbol is 'Ticker.';
comment on column bars.daily.session_date is 'Exchange session.';
comment on column bars.daily.session is 'Ordinal of the session in the exchange calendar.';
comment on column bars.daily.open is '[USD] First price; missing where the source has closes only.';
comment on column bars.daily.high is '[USD] Highest price.';
comment on column bars.daily.low is '[USD] Lowest price.';
comment on column bars.daily.close is '[USD] Last price.';
comment on column bars.daily.volume is '[shares] Volume; missing where the source has none.';
comment on column bars.daily.adj_factor is '[1] Prices times this are comparable across splits (and dividends where known).';
comment on column bars.daily.prices is 'What the vendor adjusted: raw, split or total.';
comment on column bars.daily.has_vendor_seam is 'The return into this session crosses two vendors and is missing.';
comment on column bars.daily.vendor is 'Who delivered the row.';
comment on column bars.daily.known_at is 'First usable moment: the close, later where a suspect jump waited for confirmation.';
comment on column bars.daily.run_id is 'Dagster run that wrote the row.';
comment on column bars.daily.code_version is 'Hash of the code that computed the row.';
comment on column bars.daily.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.daily.config_version is 'Hash of the resolved settings.';

create table bars.minute (
    symbol          varchar not null,
    session_date    date not null,
    opens_at        timestamptz not null,
    closes_at       timestamptz not null,
    open            double not null,
    high            double not null,
    low             double not null,
    close           double not null,
    volume          double,
    is_regular      boolean not null,
    vendor          varchar not null,
    known_at        timestamptz not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table bars.minute is
    'One-minute bars, left-closed; rows live in the lake by month.';
comment on column bars.minute.symbol is 'Ticker.';
comment on column bars.minute.session_date is 'Exchange session, by New York date.';
comment on column bars.minute.opens_at is '[UTC] Start of the minute.';
comment on column bars.minute.closes_at is '[UTC] End of the minute.';
comment on column bars.minute.open is '[USD] First price, raw.';
comment on column bars.minute.high is '[USD] Highest price, raw.';
comment on column bars.minute.low is '[USD] Lowest price, raw.';
comment on column bars.minute.close is '[USD] Last price, raw.';
comment on column bars.minute.volume is '[shares] Volume.';
comment on column bars.minute.is_regular is 'Inside the regular session.';
comment on column bars.minute.vendor is 'Who delivered the row.';
comment on column bars.minute.known_at is 'First usable moment: closes_at.';
comment on column bars.minute.run_id is 'Dagster run that wrote the row.';
comment on column bars.minute.code_version is 'Hash of the code that computed the row.';
comment on column bars.minute.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.minute.config_version is 'Hash of the resolved settings.';

create table bars.intraday (
    interval_minutes  integer not null,
    symbol            varchar not null,
    session_date      date not null,
    opens_at          timestamptz not null,
    closes_at         timestamptz not null,
    open              double not null,
    high              double not null,
    low               double not null,
    close             double not null,
    volume            double,
    n_minutes         integer not null,
    known_at          timestamptz not null,
    run_id            varchar,
    code_version      varchar,
    data_version      varchar,
    config_version    varchar
);

comment on table bars.intraday is
    'Regular-session bars of 5, 10, 15 and 60 minutes, made from bars.minute; in the lake by month.';
comment on column bars.intraday.interval_minutes is '[minutes] 5, 10, 15 or 60.';
comment on column bars.intraday.symbol is 'Ticker.';
comment on column bars.intraday.session_date is 'Exchange session.';
comment on column bars.intraday.opens_at is '[UTC] Start of the bar, counted from the session''s open.';
comment on column bars.intraday.closes_at is '[UTC] End of the bar, cut at the session''s close.';
comment on column bars.intraday.open is '[USD] First price.';
comment on column bars.intraday.high is '[USD] Highest price.';
comment on column bars.intraday.low is '[USD] Lowest price.';
comment on column bars.intraday.close is '[USD] Last price.';
comment on column bars.intraday.volume is '[shares] Volume.';
comment on column bars.intraday.n_minutes is '[minutes] Minute bars inside.';
comment on column bars.intraday.known_at is 'First usable moment: closes_at.';
comment on column bars.intraday.run_id is 'Dagster run that wrote the row.';
comment on column bars.intraday.code_version is 'Hash of the code that computed the row.';
comment on column bars.intraday.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.intraday.config_version is 'Hash of the resolved settings.';

create table bars.quotes (
    symbol          varchar not null,
    session_date    date not null,
    opens_at        timestamptz not null,
    closes_at       timestamptz not null,
    bid_close       double not null,
    ask_close       double not null,
    bid_size        double,
    ask_size        double,
    vendor          varchar not null,
    known_at        timestamptz not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table bars.quotes is
    'Best bid and offer per minute; in the lake by month.';
comment on column bars.quotes.symbol is 'Ticker.';
comment on column bars.quotes.session_date is 'Exchange session.';
comment on column bars.quotes.opens_at is '[UTC] Start of the minute.';
comment on column bars.quotes.closes_at is '[UTC] End of the minute.';
comment on column bars.quotes.bid_close is '[USD] Last bid.';
comment on column bars.quotes.ask_close is '[USD] Last offer.';
comment on column bars.quotes.bid_size is '[shares] Size at the bid.';
comment on column bars.quotes.ask_size is '[shares] Size at the offer.';
comment on column bars.quotes.vendor is 'Who delivered the row.';
comment on column bars.quotes.known_at is 'First usable moment: closes_at.';
comment on column bars.quotes.run_id is 'Dagster run that wrote the row.';
comment on column bars.quotes.code_version is 'Hash of the code that computed the row.';
comment on column bars.quotes.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.quotes.config_version is 'Hash of the resolved settings.';

create table bars.vix (
    session_date    date not null,
    open            double,
    high            double,
    low             double,
    close           double not null,
    known_at        timestamptz not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table bars.vix is
    'CBOE volatility index per session.';
comment on column bars.vix.session_date is 'Exchange session.';
comment on column bars.vix.open is '[VIX points] First value.';
comment on column bars.vix.high is '[VIX points] Highest value.';
comment on column bars.vix.low is '[VIX points] Lowest value.';
comment on column bars.vix.close is '[VIX points] Last value.';
comment on column bars.vix.known_at is '16:15 New York of the session.';
comment on column bars.vix.run_id is 'Dagster run that wrote the row.';
comment on column bars.vix.code_version is 'Hash of the code that computed the row.';
comment on column bars.vix.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.vix.config_version is 'Hash of the resolved settings.';

create table bars.macro (
    series          varchar not null,
    observed_date   date not null,
    value           double not null,
    known_at        timestamptz not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table bars.macro is
    'Macro-economic observations with the moment they could first be used.';
comment on column bars.macro.series is 'Series code.';
comment on column bars.macro.observed_date is 'Period the value describes.';
comment on column bars.macro.value is 'Value in the series'' own unit.';
comment on column bars.macro.known_at is 'Release where given, else a stated lag after the observation.';
comment on column bars.macro.run_id is 'Dagster run that wrote the row.';
comment on column bars.macro.code_version is 'Hash of the code that computed the row.';
comment on column bars.macro.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.macro.config_version is 'Hash of the resolved settings.';

create table bars.sectors (
    symbol             varchar not null,
    gics_sector        varchar,
    gics_sub_industry  varchar,
    run_id             varchar,
    code_version       varchar,
    data_version       varchar,
    config_version     varchar
);

comment on table bars.sectors is
    'GICS sector per symbol, today''s membership without history.';
comment on column bars.sectors.symbol is 'Ticker.';
comment on column bars.sectors.gics_sector is 'Sector.';
comment on column bars.sectors.gics_sub_industry is 'Sub-industry.';
comment on column bars.sectors.run_id is 'Dagster run that wrote the row.';
comment on column bars.sectors.code_version is 'Hash of the code that computed the row.';
comment on column bars.sectors.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.sectors.config_version is 'Hash of the resolved settings.';

create table bars.universe (
    symbol          varchar not null,
    kind            varchar not null,
    is_index        boolean not null,
    first_date      date not null,
    last_date       date not null,
    n_sessions      integer not null,
    is_delisted     boolean not null,
    is_simulated    boolean not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table bars.universe is
    'What each symbol is and when it traded.';
comment on column bars.universe.symbol is 'Ticker.';
comment on column bars.universe.kind is 'equity, etf or index.';
comment on column bars.universe.is_index is 'The broad index of regimes and benchmarks.';
comment on column bars.universe.first_date is 'First session with a bar.';
comment on column bars.universe.last_date is 'Last session with a bar.';
comment on column bars.universe.n_sessions is 'Sessions with a bar.';
comment on column bars.universe.is_delisted is 'Ends before the data do.';
comment on column bars.universe.is_simulated is 'Prices are made, not traded.';
comment on column bars.universe.run_id is 'Dagster run that wrote the row.';
comment on column bars.universe.code_version is 'Hash of the code that computed the row.';
comment on column bars.universe.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.universe.config_version is 'Hash of the resolved settings.';

create table bars.corporate_actions (
    symbol          varchar not null,
    ex_date         date not null,
    action          varchar not null,
    ratio           double,
    amount_usd      double,
    known_at        timestamptz not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table bars.corporate_actions is
    'Splits and dividends.';
comment on column bars.corporate_actions.symbol is 'Ticker.';
comment on column bars.corporate_actions.ex_date is 'First session without the claim.';
comment on column bars.corporate_actions.action is 'split or dividend.';
comment on column bars.corporate_actions.ratio is '[new shares per old] of a split.';
comment on column bars.corporate_actions.amount_usd is '[USD per share] of a dividend.';
comment on column bars.corporate_actions.known_at is 'First usable moment.';
comment on column bars.corporate_actions.run_id is 'Dagster run that wrote the row.';
comment on column bars.corporate_actions.code_version is 'Hash of the code that computed the row.';
comment on column bars.corporate_actions.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.corporate_actions.config_version is 'Hash of the resolved settings.';

create table bars.quarantine (
    source_file     varchar not null,
    target          varchar not null,
    symbol          varchar,
    ts              timestamp,
    open            double,
    high            double,
    low             double,
    close           double,
    volume          double,
    reason          varchar not null,
    detail          varchar not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table bars.quarantine is
    'Rows refused or withheld, with the reason; nothing is dropped silently.';
comment on column bars.quarantine.source_file is 'File of the market folder, or the source''s name.';
comment on column bars.quarantine.target is 'Table the row was meant for.';
comment on column bars.quarantine.symbol is 'Ticker.';
comment on column bars.quarantine.ts is 'Start of the bar as delivered: session date or UTC.';
comment on column bars.quarantine.open is '[USD] As delivered.';
comment on column bars.quarantine.high is '[USD] As delivered.';
comment on column bars.quarantine.low is '[USD] As delivered.';
comment on column bars.quarantine.close is '[USD] As delivered.';
comment on column bars.quarantine.volume is '[shares] As delivered.';
comment on column bars.quarantine.reason is 'Rule that refused it.';
comment on column bars.quarantine.detail is 'What was seen, in words.';
comment on column bars.quarantine.run_id is 'Dagster run that wrote the row.';
comment on column bars.quarantine.code_version is 'Hash of the code that computed the row.';
comment on column bars.quarantine.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.quarantine.config_version is 'Hash of the resolved settings.';
