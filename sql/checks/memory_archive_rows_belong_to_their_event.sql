-- Archived rows outside their event, or under another regime or version than the catalogue's.
--
-- asset   memory.archive
-- grain   one row per offending row
-- reads   memory.archive, memory.rare_events

select
    archive.event, archive.symbol, archive.session_date, archive.event_regime,
    archive.catalogue_version
from memory.archive as archive
left join memory.rare_events as catalogue using (event)
where
    catalogue.event is null
    or archive.session_date not between catalogue.first_date and catalogue.last_date
    or archive.event_regime <> catalogue.regime
    or archive.catalogue_version <> catalogue.catalogue_version
order by archive.event, archive.symbol, archive.session_date;
