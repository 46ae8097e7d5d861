-- Dollar volume of the regular minutes of a session.
--
-- grain   one row per symbol and session with a regular minute bar
-- reads   bars.minute
-- params  $first_date, $before_date  date  sessions from the one on, before the other
-- units   USD; missing where no minute has a volume

select symbol, session_date, sum(close * volume order by opens_at) as dollar_volume
from bars.minute
where is_regular and session_date >= $first_date and session_date < $before_date
group by symbol, session_date
order by symbol, session_date;
