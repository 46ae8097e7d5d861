-- Daily bars no market can print: high under low, close or open outside both, nothing paid.
--
-- asset   bars.daily
-- grain   one row per offending bar
-- reads   bars.daily
-- note    missing open, high, low and volume are allowed; a billionth is rounding, no fault

select symbol, session_date, open, high, low, close, volume, adj_factor
from bars.daily
where
    not (close > 0 and isfinite(close))
    or not (adj_factor > 0 and isfinite(adj_factor))
    or open <= 0
    or high < low * (1 - 1e-9)
    or close > high * (1 + 1e-9)
    or close < low * (1 - 1e-9)
    or open > high * (1 + 1e-9)
    or open < low * (1 - 1e-9)
    or volume < 0
order by symbol, session_date;
