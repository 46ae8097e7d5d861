-- What passed between the scanner and the paper broker: an audit trail that replays.

create table selloffs.order_events (
    sequence         bigint not null,
    happened_at      timestamptz not null,
    session_date     date not null,
    kind             varchar not null,
    symbol           varchar,
    alert_id         varchar,
    client_order_id  varchar,
    broker_order_id  varchar,
    status           varchar,
    side             varchar,
    quantity         double,
    filled_quantity  double,
    price            double,
    payload_json     varchar not null
);

comment on table selloffs.order_events is
    'One row per intention, request, answer and observation, in order; appended, never updated.';
comment on column selloffs.order_events.sequence is 'Running number, from 1.';
comment on column selloffs.order_events.happened_at is '[UTC] Clock when it was written.';
comment on column selloffs.order_events.session_date is 'Exchange session.';
comment on column selloffs.order_events.kind is 'intent | submit | answer | fault | observed | cancel | flatten | halt | reconciled.';
comment on column selloffs.order_events.symbol is 'Ticker; missing for what concerns the account.';
comment on column selloffs.order_events.alert_id is 'Alert it follows from.';
comment on column selloffs.order_events.client_order_id is 'Deterministic id of the order.';
comment on column selloffs.order_events.broker_order_id is 'Id the broker gave.';
comment on column selloffs.order_events.status is 'Order status in the broker''s word.';
comment on column selloffs.order_events.side is 'buy | sell.';
comment on column selloffs.order_events.quantity is '[shares] Ordered.';
comment on column selloffs.order_events.filled_quantity is '[shares] Filled so far.';
comment on column selloffs.order_events.price is '[USD] Filled average, or limit.';
comment on column selloffs.order_events.payload_json is 'The whole message.';
