-- The catalogue says which stage makes a feature; selection says how much a model used each.
-- Both tables are made anew so that the provenance columns stay last; their rows are kept.

alter table features.catalog rename to catalog_before;

create table features.catalog (
    feature            varchar not null,
    stage              varchar not null,
    timeframe_minutes  integer,
    family             varchar not null,
    formula            varchar not null,
    unit               varchar not null,
    lookback_sessions  integer not null,
    inputs             varchar not null,
    known_at_rule      varchar not null,
    source             varchar not null,
    window_group       varchar,
    run_id             varchar,
    code_version       varchar,
    data_version       varchar,
    config_version     varchar
);

insert into features.catalog by name select *, 'daily' as stage from features.catalog_before;

drop table features.catalog_before;

comment on table features.catalog is
    'One row per feature.';
comment on column features.catalog.feature is 'Column name in the table of its stage.';
comment on column features.catalog.stage is 'daily (features.daily) or intraday (features.intraday).';
comment on column features.catalog.timeframe_minutes is '[minutes] Length of an intraday bar; missing for daily features.';
comment on column features.catalog.family is 'Group of related features.';
comment on column features.catalog.formula is 'Formula in words.';
comment on column features.catalog.unit is 'Unit.';
comment on column features.catalog.lookback_sessions is 'Bars needed before the first value: sessions, or intraday bars of the timeframe.';
comment on column features.catalog.inputs is 'Columns read.';
comment on column features.catalog.known_at_rule is 'When the value is first usable.';
comment on column features.catalog.source is 'Paper, book or library.';
comment on column features.catalog.window_group is 'Grid and choice whose column it is, such as rsi 14: a trial takes one choice of each grid; missing where every trial may use it.';
comment on column features.catalog.run_id is 'Dagster run that wrote the row.';
comment on column features.catalog.code_version is 'Hash of the code that computed the row.';
comment on column features.catalog.data_version is 'Hash of the inputs the row was computed from.';
comment on column features.catalog.config_version is 'Hash of the resolved settings.';

alter table features.selected rename to selected_before;

create table features.selected (
    block           integer not null,
    feature         varchar not null,
    is_selected     boolean not null,
    reason          varchar not null,
    missing_frac    double not null,
    score           double not null,
    regime_score    double not null,
    stability_z     double,
    importance      double not null,
    run_id          varchar,
    code_version    varchar,
    data_version    varchar,
    config_version  varchar
);

insert into features.selected by name
    select *, score as regime_score, 0.0 as importance from features.selected_before;

drop table features.selected_before;

comment on table features.selected is
    'Which features each fold''s models may use, and why.';
comment on column features.selected.block is 'Walk-forward block; 0 is the final fit.';
comment on column features.selected.feature is 'Name in the catalogue.';
comment on column features.selected.is_selected is 'Models may use it.';
comment on column features.selected.reason is 'kept, missing, constant, duplicate of, unstable, correlated with, over the limit.';
comment on column features.selected.missing_frac is '[0..1] Missing share on training rows.';
comment on column features.selected.score is '[0..0.5] |mean over regimes of AUC - 0.5| on training rows.';
comment on column features.selected.regime_score is '[0..0.5] Mean over regimes of |AUC - 0.5| on training rows.';
comment on column features.selected.stability_z is 'How far both signs occur among the sub-periods of one regime, in standard errors; missing where it was not judged.';
comment on column features.selected.importance is '[0..1] Share of the gain of a small boosting on training rows; 0 where it took no part.';
comment on column features.selected.run_id is 'Dagster run that wrote the row.';
comment on column features.selected.code_version is 'Hash of the code that computed the row.';
comment on column features.selected.data_version is 'Hash of the inputs the row was computed from.';
comment on column features.selected.config_version is 'Hash of the resolved settings.';
