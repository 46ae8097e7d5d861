-- Orders sent without having been meant before: the intention is written first.
--
-- asset   selloffs.order_events
-- grain   one row per offending event
-- reads   selloffs.order_events

select sent.sequence, sent.client_order_id, sent.symbol, sent.quantity
from selloffs.order_events as sent
where sent.kind = 'submit'
    and not exists (
        select 1
        from selloffs.order_events as meant
        where meant.kind = 'intent'
            and meant.status = 'planned'
            and meant.client_order_id = sent.client_order_id
            and meant.symbol = sent.symbol
            and meant.side = sent.side
            and meant.quantity = sent.quantity
            and meant.sequence < sent.sequence
    )
order by sent.sequence;
