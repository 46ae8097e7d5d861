-- What a trial came from, and what its cheap book earned and traded.

alter table sweeps.lightgbm add column origin varchar;

comment on column sweeps.lightgbm.origin is
    'default, incumbent (the parameters in service), rotation (of the windows) or sampler; missing before this column.';

alter table sweeps.xgboost add column origin varchar;

comment on column sweeps.xgboost.origin is
    'default, incumbent (the parameters in service), rotation (of the windows) or sampler; missing before this column.';

alter table sweeps.catboost add column origin varchar;

comment on column sweeps.catboost.origin is
    'default, incumbent (the parameters in service), rotation (of the windows) or sampler; missing before this column.';

alter table sweeps.gradient_boosting add column origin varchar;

comment on column sweeps.gradient_boosting.origin is
    'default, incumbent (the parameters in service), rotation (of the windows) or sampler; missing before this column.';

alter table sweeps.random_forest add column origin varchar;

comment on column sweeps.random_forest.origin is
    'default, incumbent (the parameters in service), rotation (of the windows) or sampler; missing before this column.';

alter table sweeps.extra_trees add column origin varchar;

comment on column sweeps.extra_trees.origin is
    'default, incumbent (the parameters in service), rotation (of the windows) or sampler; missing before this column.';

alter table sweeps.mlp add column origin varchar;

comment on column sweeps.mlp.origin is
    'default, incumbent (the parameters in service), rotation (of the windows) or sampler; missing before this column.';

alter table sweeps.logistic add column origin varchar;

comment on column sweeps.logistic.origin is
    'default, incumbent (the parameters in service), rotation (of the windows) or sampler; missing before this column.';

alter table sweeps.svm add column origin varchar;

comment on column sweeps.svm.origin is
    'default, incumbent (the parameters in service), rotation (of the windows) or sampler; missing before this column.';

alter table sweeps.trials add column origin varchar;

comment on column sweeps.trials.origin is
    'default, incumbent (the parameters in service), rotation (of the windows) or sampler; missing before this column.';

alter table sweeps.lightgbm add column gross_frac double;

comment on column sweeps.lightgbm.gross_frac is
    '[fraction] Mean return of a cohort of the trial''s cheap book over its horizon, before costs; missing where the trial is not complete.';

alter table sweeps.lightgbm add column turnover double;

comment on column sweeps.lightgbm.turnover is
    '[0..2] Bought and sold for a cohort of the cheap book, over its absolute weights; missing where the trial is not complete.';

alter table sweeps.xgboost add column gross_frac double;

comment on column sweeps.xgboost.gross_frac is
    '[fraction] Mean return of a cohort of the trial''s cheap book over its horizon, before costs; missing where the trial is not complete.';

alter table sweeps.xgboost add column turnover double;

comment on column sweeps.xgboost.turnover is
    '[0..2] Bought and sold for a cohort of the cheap book, over its absolute weights; missing where the trial is not complete.';

alter table sweeps.catboost add column gross_frac double;

comment on column sweeps.catboost.gross_frac is
    '[fraction] Mean return of a cohort of the trial''s cheap book over its horizon, before costs; missing where the trial is not complete.';

alter table sweeps.catboost add column turnover double;

comment on column sweeps.catboost.turnover is
    '[0..2] Bought and sold for a cohort of the cheap book, over its absolute weights; missing where the trial is not complete.';

alter table sweeps.gradient_boosting add column gross_frac double;

comment on column sweeps.gradient_boosting.gross_frac is
    '[fraction] Mean return of a cohort of the trial''s cheap book over its horizon, before costs; missing where the trial is not complete.';

alter table sweeps.gradient_boosting add column turnover double;

comment on column sweeps.gradient_boosting.turnover is
    '[0..2] Bought and sold for a cohort of the cheap book, over its absolute weights; missing where the trial is not complete.';

alter table sweeps.random_forest add column gross_frac double;

comment on column sweeps.random_forest.gross_frac is
    '[fraction] Mean return of a cohort of the trial''s cheap book over its horizon, before costs; missing where the trial is not complete.';

alter table sweeps.random_forest add column turnover double;

comment on column sweeps.random_forest.turnover is
    '[0..2] Bought and sold for a cohort of the cheap book, over its absolute weights; missing where the trial is not complete.';

alter table sweeps.extra_trees add column gross_frac double;

comment on column sweeps.extra_trees.gross_frac is
    '[fraction] Mean return of a cohort of the trial''s cheap book over its horizon, before costs; missing where the trial is not complete.';

alter table sweeps.extra_trees add column turnover double;

comment on column sweeps.extra_trees.turnover is
    '[0..2] Bought and sold for a cohort of the cheap book, over its absolute weights; missing where the trial is not complete.';

alter table sweeps.mlp add column gross_frac double;

comment on column sweeps.mlp.gross_frac is
    '[fraction] Mean return of a cohort of the trial''s cheap book over its horizon, before costs; missing where the trial is not complete.';

alter table sweeps.mlp add column turnover double;

comment on column sweeps.mlp.turnover is
    '[0..2] Bought and sold for a cohort of the cheap book, over its absolute weights; missing where the trial is not complete.';

alter table sweeps.logistic add column gross_frac double;

comment on column sweeps.logistic.gross_frac is
    '[fraction] Mean return of a cohort of the trial''s cheap book over its horizon, before costs; missing where the trial is not complete.';

alter table sweeps.logistic add column turnover double;

comment on column sweeps.logistic.turnover is
    '[0..2] Bought and sold for a cohort of the cheap book, over its absolute weights; missing where the trial is not complete.';

alter table sweeps.svm add column gross_frac double;

comment on column sweeps.svm.gross_frac is
    '[fraction] Mean return of a cohort of the trial''s cheap book over its horizon, before costs; missing where the trial is not complete.';

alter table sweeps.svm add column turnover double;

comment on column sweeps.svm.turnover is
    '[0..2] Bought and sold for a cohort of the cheap book, over its absolute weights; missing where the trial is not complete.';

alter table sweeps.trials add column gross_frac double;

comment on column sweeps.trials.gross_frac is
    '[fraction] Mean return of a cohort of the trial''s cheap book over its horizon, before costs; missing where the trial is not complete.';

alter table sweeps.trials add column turnover double;

comment on column sweeps.trials.turnover is
    '[0..2] Bought and sold for a cohort of the cheap book, over its absolute weights; missing where the trial is not complete.';

alter table sweeps.best add column gross_frac double;

comment on column sweeps.best.gross_frac is
    '[fraction] Mean return of a cohort of the trial''s cheap book over its horizon, before costs; missing where the trial is not complete.';

alter table sweeps.best add column turnover double;

comment on column sweeps.best.turnover is
    '[0..2] Bought and sold for a cohort of the cheap book, over its absolute weights; missing where the trial is not complete.';

alter table sweeps.trials add column profit_frac double;

comment on column sweeps.trials.profit_frac is
    '[fraction] Mean return of a cohort after the backtest''s costs as they are set now; missing where the trial is not complete.';
