-- The volume-weighted price of a session, where the vendor gives it.

alter table bars.daily add column vwap double;

comment on column bars.daily.vwap is '[USD] Volume-weighted average price of the session, raw; missing where not given.';
