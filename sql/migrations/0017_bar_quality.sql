-- How good the bars are: complete, on one volume level, revised or not, and what the spread costs.

create table bars.coverage (
    symbol               varchar not null,
    session_date         date not null,
    n_expected           integer not null,
    n_minutes            integer not null,
    n_missing            integer not null,
    longest_gap_minutes  integer not null,
    n_extended           integer not null,
    run_id               varchar,
    code_version         varchar,
    data_version         varchar,
    config_version       varchar
);

comment on table bars.coverage is
    'How complete the minute bars are, per symbol and session of its minute span; counted, never filled.';
comment on column bars.coverage.symbol is 'Ticker.';
comment on column bars.coverage.session_date is 'Exchange session between the symbol''s first and last minute bar.';
comment on column bars.coverage.n_expected is '[minutes] Length of the regular session in the exchange calendar; half-days are shorter.';
comment on column bars.coverage.n_minutes is '[minutes] Regular minutes with a bar.';
comment on column bars.coverage.n_missing is '[minutes] Regular minutes without a bar: n_expected - n_minutes.';
comment on column bars.coverage.longest_gap_minutes is '[minutes] Longest run of regular minutes without a bar, the session''s ends included.';
comment on column bars.coverage.n_extended is '[minutes] Bars outside the regular session.';
comment on column bars.coverage.run_id is 'Dagster run that wrote the row.';
comment on column bars.coverage.code_version is 'Hash of the code that computed the row.';
comment on column bars.coverage.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.coverage.config_version is 'Hash of the resolved settings.';

create table bars.volume_breaks (
    symbol             varchar not null,
    session_date       date not null,
    vendor             varchar not null,
    volume_before      double not null,
    volume_after       double not null,
    ratio              double not null,
    daily_share_ratio  double,
    n_symbols          integer not null,
    n_breaking         integer not null,
    evidence           varchar not null,
    known_at           timestamptz not null,
    run_id             varchar,
    code_version       varchar,
    data_version       varchar,
    config_version     varchar
);

comment on table bars.volume_breaks is
    'Sessions at which a symbol''s minute volume moves to another level and stays; retrospective, see known_at.';
comment on column bars.volume_breaks.symbol is 'Ticker.';
comment on column bars.volume_breaks.session_date is 'First session on the new level.';
comment on column bars.volume_breaks.vendor is 'Who delivered the minute bars from this session on.';
comment on column bars.volume_breaks.volume_before is '[shares per minute] Median over the sessions before of the session''s median minute volume.';
comment on column bars.volume_breaks.volume_after is '[shares per minute] The same over this session and those after it.';
comment on column bars.volume_breaks.ratio is '[1] volume_after / volume_before.';
comment on column bars.volume_breaks.daily_share_ratio is '[1] The same ratio of regular minute volume over daily volume; missing without daily volume.';
comment on column bars.volume_breaks.n_symbols is '[symbols] Symbols of the vendor that could be judged at this session.';
comment on column bars.volume_breaks.n_breaking is '[symbols] How many of them break at this session, in the same direction.';
comment on column bars.volume_breaks.evidence is 'Why it is no market event: vendor_wide, daily_share, or both.';
comment on column bars.volume_breaks.known_at is 'Close of the last session the rule had to see.';
comment on column bars.volume_breaks.run_id is 'Dagster run that wrote the row.';
comment on column bars.volume_breaks.code_version is 'Hash of the code that computed the row.';
comment on column bars.volume_breaks.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.volume_breaks.config_version is 'Hash of the resolved settings.';

create table bars.revisions (
    symbol            varchar not null,
    interval_minutes  integer not null,
    session_date      date not null,
    opens_at          timestamptz not null,
    revision          integer not null,
    old_open          double,
    old_high          double,
    old_low           double,
    old_close         double,
    old_volume        double,
    new_open          double,
    new_high          double,
    new_low           double,
    new_close         double,
    new_volume        double,
    old_ingested_at   timestamptz not null,
    new_ingested_at   timestamptz not null,
    old_known_at      timestamptz not null,
    known_at          timestamptz not null,
    run_id            varchar,
    code_version      varchar,
    data_version      varchar,
    config_version    varchar
);

comment on table bars.revisions is
    'Bars that were delivered again with other values; the bar table shows the newest version, these the older ones.';
comment on column bars.revisions.symbol is 'Ticker.';
comment on column bars.revisions.interval_minutes is '[minutes] 1 for bars.minute, 1440 for bars.daily.';
comment on column bars.revisions.session_date is 'Exchange session.';
comment on column bars.revisions.opens_at is '[UTC] Start of the bar.';
comment on column bars.revisions.revision is '[1] Number of the change of this bar, from 1.';
comment on column bars.revisions.old_open is '[USD] First price before the change.';
comment on column bars.revisions.old_high is '[USD] Highest price before the change.';
comment on column bars.revisions.old_low is '[USD] Lowest price before the change.';
comment on column bars.revisions.old_close is '[USD] Last price before the change.';
comment on column bars.revisions.old_volume is '[shares] Volume before the change.';
comment on column bars.revisions.new_open is '[USD] First price after the change.';
comment on column bars.revisions.new_high is '[USD] Highest price after the change.';
comment on column bars.revisions.new_low is '[USD] Lowest price after the change.';
comment on column bars.revisions.new_close is '[USD] Last price after the change.';
comment on column bars.revisions.new_volume is '[shares] Volume after the change.';
comment on column bars.revisions.old_ingested_at is 'First delivery of the old version.';
comment on column bars.revisions.new_ingested_at is 'First delivery of the new version.';
comment on column bars.revisions.old_known_at is 'First usable moment of the old version.';
comment on column bars.revisions.known_at is 'First usable moment of the new version: its delivery, never before the bar''s own.';
comment on column bars.revisions.run_id is 'Dagster run that wrote the row.';
comment on column bars.revisions.code_version is 'Hash of the code that computed the row.';
comment on column bars.revisions.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.revisions.config_version is 'Hash of the resolved settings.';

create table bars.spreads (
    symbol                varchar not null,
    bucket_minute         integer not null,
    bucket_minutes        integer not null,
    half_spread_bps       double not null,
    half_spread_high_bps  double,
    n_quotes              integer not null,
    n_unusable            integer not null,
    source                varchar not null,
    known_at              timestamptz not null,
    run_id                varchar,
    code_version          varchar,
    data_version          varchar,
    config_version        varchar
);

comment on table bars.spreads is
    'Half-spread per symbol and time of the session, measured from quotes or modelled.';
comment on column bars.spreads.symbol is 'Ticker.';
comment on column bars.spreads.bucket_minute is '[minutes] Start of the bucket, counted from the session''s open.';
comment on column bars.spreads.bucket_minutes is '[minutes] Length of the bucket.';
comment on column bars.spreads.half_spread_bps is '[bps of the mid] Median half-spread; the model''s value where source is model.';
comment on column bars.spreads.half_spread_high_bps is '[bps of the mid] Upper quantile of the half-spread (config); missing where modelled.';
comment on column bars.spreads.n_quotes is '[quotes] Usable minute quotes behind the row.';
comment on column bars.spreads.n_unusable is '[quotes] Locked, crossed or empty minute quotes that were left out.';
comment on column bars.spreads.source is 'quotes or model.';
comment on column bars.spreads.known_at is 'First moment at which everything the row rests on was known.';
comment on column bars.spreads.run_id is 'Dagster run that wrote the row.';
comment on column bars.spreads.code_version is 'Hash of the code that computed the row.';
comment on column bars.spreads.data_version is 'Hash of the inputs the row was computed from.';
comment on column bars.spreads.config_version is 'Hash of the resolved settings.';

comment on column bars.minute.known_at is
    'First usable moment: closes_at, later where a jump waited for the next minute.';
comment on column bars.intraday.known_at is
    'First usable moment: closes_at, later where a minute inside waited for its confirmation.';
