-- News known before it was published, or with a sentiment out of range or of nobody.
--
-- asset   bars.news
-- grain   one row per offending item
-- reads   bars.news

select news_id, symbol, published_at, known_at, sentiment, sentiment_model
from bars.news
where
    known_at < published_at
    or sentiment not between -1 and 1
    or trim(sentiment_model) = ''
order by news_id, symbol;
