-- The memory that grows: errors that return to training, and events proposed for the catalogue.

create table memory.replay (
    block            integer not null,
    place            integer not null,
    symbol           varchar not null,
    session_date     date not null,
    session          integer not null,
    end_session      integer not null,
    regime           varchar not null,
    label            integer not null,
    oof_probability  double not null,
    error_frac       double not null,
    age_sessions     integer not null,
    run_id           varchar,
    code_version     varchar,
    data_version     varchar,
    config_version   varchar
);

comment on table memory.replay is
    'The worst out-of-fold errors that may return to the training of each block; they do where sampling.use_replay is on.';
comment on column memory.replay.block is 'Block whose fit may replay the row; 0 is the judged model.';
comment on column memory.replay.place is 'Rank of the error in its block, 1 the worst.';
comment on column memory.replay.symbol is 'Ticker.';
comment on column memory.replay.session_date is 'Session of the decision.';
comment on column memory.replay.session is 'Its ordinal.';
comment on column memory.replay.end_session is 'Ordinal of the last session of the label''s span.';
comment on column memory.replay.regime is 'Point-in-time regime of the session.';
comment on column memory.replay.label is 'What followed.';
comment on column memory.replay.oof_probability is '[0..1] Mean of the base learners, out of fold.';
comment on column memory.replay.error_frac is '[0..1] Distance of probability and label.';
comment on column memory.replay.age_sessions is '[sessions] From the end of the span to the block''s cut.';
comment on column memory.replay.run_id is 'Dagster run that wrote the row.';
comment on column memory.replay.code_version is 'Hash of the code that computed the row.';
comment on column memory.replay.data_version is 'Hash of the inputs the row was computed from.';
comment on column memory.replay.config_version is 'Hash of the resolved settings.';

create table memory.proposals (
    proposal        varchar not null,
    state           varchar not null,
    first_date      date not null,
    last_date       date not null,
    n_sessions      integer not null,
    regime          varchar not null,
    drawdown_frac   double,
    vix_peak        double,
    rarity_frac     double not null,
    n_past_spells   integer not null,
    covered_by      varchar,
    known_at        timestamptz not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

comment on table memory.proposals is
    'Rare spells of crash or high volatility with their evidence; a person adds them to the catalogue.';
comment on column memory.proposals.proposal is 'Name, from the first session.';
comment on column memory.proposals.state is 'begun: as known when it first was rare; ended: the whole spell.';
comment on column memory.proposals.first_date is 'First session of the spell.';
comment on column memory.proposals.last_date is 'Last session the row rests on.';
comment on column memory.proposals.n_sessions is '[sessions] From the first to the last.';
comment on column memory.proposals.regime is 'crash where one session was, else high_volatility.';
comment on column memory.proposals.drawdown_frac is '[-1..0] Deepest close against the highest of the crash window.';
comment on column memory.proposals.vix_peak is '[VIX points] Highest close of the VIX or its proxy.';
comment on column memory.proposals.rarity_frac is '[0..1] Share of past spells as bad in fall or VIX, the lesser.';
comment on column memory.proposals.n_past_spells is 'Spells that had ended before this one began.';
comment on column memory.proposals.covered_by is 'Event of the catalogue that shares a session; missing: proposed.';
comment on column memory.proposals.known_at is 'When the row could first be stated.';
comment on column memory.proposals.run_id is 'Dagster run that wrote the row.';
comment on column memory.proposals.code_version is 'Hash of the code that computed the row.';
comment on column memory.proposals.data_version is 'Hash of the inputs the row was computed from.';
comment on column memory.proposals.config_version is 'Hash of the resolved settings.';
