-- Point-in-time events beside the bars: what was said, traded and scheduled, and when it could be used.

create table bars.news (
    news_id          varchar not null,
    symbol           varchar,
    published_at     timestamptz not null,
    headline         varchar not null,
    summary          varchar,
    source           varchar,
    vendor           varchar not null,
    sentiment        double,
    sentiment_model  varchar not null,
    known_at         timestamptz not null,
    run_id           varchar,
    code_version     varchar,
    data_version     varchar,
    config_version   varchar
);

comment on table bars.news is
    'One row per news item and symbol: the version first known; a market-wide item has no symbol.';
comment on column bars.news.news_id is 'The vendor''s id; where the file has none, a hash of source, instant and headline.';
comment on column bars.news.symbol is 'Ticker the item names; null where it is about the market.';
comment on column bars.news.published_at is '[UTC] When the item was published.';
comment on column bars.news.headline is 'Headline as delivered.';
comment on column bars.news.summary is 'Summary as delivered.';
comment on column bars.news.source is 'Publisher.';
comment on column bars.news.vendor is 'Who delivered the item; unknown where the file does not say.';
comment on column bars.news.sentiment is '[-1..1] From worst to best; as given, else scored from the headline.';
comment on column bars.news.sentiment_model is 'given, or the scorer with its version.';
comment on column bars.news.known_at is '[UTC] First usable moment: when the item reached its readers in this wording.';
comment on column bars.news.run_id is 'Dagster run that wrote the row.';
comment on column bars.news.code_version is 'Hash of the code that computed the row.';
comment on column bars.news.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.news.config_version is 'Hash of the resolved settings.';

create table bars.social (
    post_id          varchar not null,
    symbol           varchar not null,
    posted_at        timestamptz not null,
    platform         varchar not null,
    n_posts          bigint not null,
    text             varchar,
    sentiment        double,
    sentiment_model  varchar,
    known_at         timestamptz not null,
    run_id           varchar,
    code_version     varchar,
    data_version     varchar,
    config_version   varchar
);

comment on table bars.social is
    'One row per post, or per count of posts, and symbol: the version first known.';
comment on column bars.social.post_id is 'The platform''s id; where the file has none, a hash of platform, symbol, instant and text.';
comment on column bars.social.symbol is 'Ticker the posts name.';
comment on column bars.social.posted_at is '[UTC] When it was posted; of a count, the end of its interval.';
comment on column bars.social.platform is 'Where it was posted; unknown where the file does not say.';
comment on column bars.social.n_posts is '[posts] One for a single post.';
comment on column bars.social.text is 'The post as delivered; null for a count.';
comment on column bars.social.sentiment is '[-1..1] From worst to best, mean of the posts; null where neither score nor text is given.';
comment on column bars.social.sentiment_model is 'given, or the scorer with its version; null where there is no sentiment.';
comment on column bars.social.known_at is '[UTC] First usable moment.';
comment on column bars.social.run_id is 'Dagster run that wrote the row.';
comment on column bars.social.code_version is 'Hash of the code that computed the row.';
comment on column bars.social.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.social.config_version is 'Hash of the resolved settings.';

create table bars.options_flow (
    symbol            varchar not null,
    session_date      date not null,
    call_volume       double,
    put_volume        double,
    call_premium_usd  double,
    put_premium_usd   double,
    imbalance         double not null,
    known_at          timestamptz not null,
    run_id            varchar,
    code_version      varchar,
    data_version      varchar,
    config_version    varchar
);

comment on table bars.options_flow is
    'One row per symbol, session and vintage: calls against puts of the session.';
comment on column bars.options_flow.symbol is 'Ticker of the underlying.';
comment on column bars.options_flow.session_date is 'Exchange session of the trades.';
comment on column bars.options_flow.call_volume is '[contracts] Calls traded.';
comment on column bars.options_flow.put_volume is '[contracts] Puts traded.';
comment on column bars.options_flow.call_premium_usd is '[USD] Paid for calls.';
comment on column bars.options_flow.put_premium_usd is '[USD] Paid for puts.';
comment on column bars.options_flow.imbalance is '[-1..1] (call premium - put premium) / their sum.';
comment on column bars.options_flow.known_at is '[UTC] First usable moment of this vintage, after the session''s close.';
comment on column bars.options_flow.run_id is 'Dagster run that wrote the row.';
comment on column bars.options_flow.code_version is 'Hash of the code that computed the row.';
comment on column bars.options_flow.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.options_flow.config_version is 'Hash of the resolved settings.';

create table bars.etf_flows (
    symbol          varchar not null,
    session_date    date not null,
    flow_usd        double not null,
    known_at        timestamptz not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table bars.etf_flows is
    'One row per fund, session and vintage: money that came in or went out.';
comment on column bars.etf_flows.symbol is 'Ticker of the fund.';
comment on column bars.etf_flows.session_date is 'Exchange session of the flow.';
comment on column bars.etf_flows.flow_usd is '[USD] Creations less redemptions; negative where money left.';
comment on column bars.etf_flows.known_at is '[UTC] First usable moment of this vintage, after the session''s close.';
comment on column bars.etf_flows.run_id is 'Dagster run that wrote the row.';
comment on column bars.etf_flows.code_version is 'Hash of the code that computed the row.';
comment on column bars.etf_flows.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.etf_flows.config_version is 'Hash of the resolved settings.';

create table bars.calendar_events (
    event_id        varchar not null,
    kind            varchar not null,
    symbol          varchar,
    scheduled_at    timestamptz not null,
    known_at        timestamptz not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table bars.calendar_events is
    'One row per scheduled event and version of its schedule: FOMC decisions, CPI releases, earnings.';
comment on column bars.calendar_events.event_id is 'Joins the versions of one event; where the file has none, kind, symbol and New York date.';
comment on column bars.calendar_events.kind is 'fomc, cpi or earnings.';
comment on column bars.calendar_events.symbol is 'Ticker whose event it is; null where it is the whole market''s.';
comment on column bars.calendar_events.scheduled_at is '[UTC] When the event takes place, as scheduled in this version.';
comment on column bars.calendar_events.known_at is '[UTC] When this version of the schedule was public.';
comment on column bars.calendar_events.run_id is 'Dagster run that wrote the row.';
comment on column bars.calendar_events.code_version is 'Hash of the code that computed the row.';
comment on column bars.calendar_events.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.calendar_events.config_version is 'Hash of the resolved settings.';
