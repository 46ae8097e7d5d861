-- Archived rows whose label is not that of labels.direction.
--
-- asset   memory.archive
-- grain   one row per offending row
-- reads   memory.archive, labels.direction

select archive.symbol, archive.session_date, archive.label, direction.label as label_now
from memory.archive as archive
left join labels.direction as direction using (symbol, session_date)
where direction.symbol is null or archive.label is distinct from direction.label
order by archive.symbol, archive.session_date;
