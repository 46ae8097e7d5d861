-- Refused rows without a reason in words.
--
-- asset   bars.quarantine
-- grain   one row per offending row
-- reads   bars.quarantine

select source_file, target, symbol, ts, reason, detail
from bars.quarantine
where trim(reason) = '' or trim(detail) = ''
order by source_file, symbol, ts;
