-- Posts known before they were posted, without a count, or with an impossible sentiment.
--
-- asset   bars.social
-- grain   one row per offending row
-- reads   bars.social

select post_id, symbol, posted_at, known_at, n_posts, sentiment, sentiment_model
from bars.social
where
    known_at < posted_at
    or n_posts < 1
    or sentiment not between -1 and 1
    or (sentiment is null) <> (sentiment_model is null)
order by post_id, symbol;
