-- The outcome of each event from Kafka. Only the stream writes here, except for what the producers sent.

-- The stream that may write: the most recently started run. Each of its transactions locks the row.
-- `caught_up_seconds`: how long it has been caught up while orders were parked; their time-out is measured on it.
create table if not exists ops.streams (
    stream text primary key,
    run_id text not null,
    started_at timestamptz not null default now(),
    caught_up_seconds double precision not null default 0
);

-- Where each stream continues: the only truth, whatever a checkpoint says.
create table if not exists ops.stream_offsets (
    stream text not null references ops.streams,
    topic text not null,
    partition integer not null,
    topic_id uuid not null,
    next_offset bigint not null constraint stream_offsets_next_offset_is_not_negative check (next_offset >= 0),
    updated_at timestamptz not null default now(),
    primary key (stream, topic, partition)
);

-- The name of each topic ever read; a recreated topic has a new id.
create table if not exists ops.stream_topics (
    topic_id uuid primary key,
    topic text not null,
    first_read_at timestamptz not null default now()
);

-- One outcome for each offset.
create table if not exists ops.events (
    topic_id uuid not null,
    partition integer not null,
    "offset" bigint not null,
    event_id uuid,
    outcome text not null,
    produced_at timestamptz not null,
    decided_at timestamptz not null default clock_timestamp(),
    primary key (topic_id, partition, "offset"),
    constraint events_outcome_is_known check (outcome in ('landed', 'duplicate', 'superseded', 'parked', 'dead'))
);

-- Orders waiting for their user or products.
create table if not exists ops.parked_events (
    topic_id uuid not null,
    partition integer not null,
    "offset" bigint not null,
    event_id uuid not null,
    redriven_from bigint,
    reason text not null,
    produced_at timestamptz not null,
    parked_at timestamptz not null default clock_timestamp(),
    waits_from_seconds double precision not null default 0,
    order_id uuid not null,
    order_version integer not null,
    user_email text not null,
    order_date timestamptz not null,
    status text not null,
    delivery_date timestamptz,
    lines jsonb not null,
    key text not null,
    value text not null,
    primary key (topic_id, partition, "offset")
);

-- Events that could not be taken, byte for byte. `redriven_from` is the dead letter that was redriven as this one.
create table if not exists ops.dead_letters (
    dead_letter_id bigint generated always as identity primary key,
    topic text not null,
    topic_id uuid not null,
    partition integer not null,
    "offset" bigint not null,
    event_id uuid,
    error_class text not null,
    reason text not null,
    key bytea,
    value bytea,
    produced_at timestamptz not null,
    dead_at timestamptz not null default clock_timestamp(),
    copied_at timestamptz,
    redriven_at timestamptz,
    redriven_from bigint constraint dead_letters_fails_again_once unique references ops.dead_letters,
    constraint dead_letters_offset_is_unique unique (topic_id, partition, "offset")
);

-- What the producers of this repository sent.
create table if not exists ops.sent_events (
    sent_event_id bigint generated always as identity primary key,
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    event_id uuid,
    kind text not null,
    sent_at timestamptz not null default clock_timestamp()
);

do $$
begin
    -- Columns missing from databases of earlier versions.
    if not exists (
        select from pg_attribute where attrelid = 'ops.streams'::regclass and attname = 'caught_up_seconds'
    ) then
        alter table ops.streams add column caught_up_seconds double precision not null default 0;
    end if;
    if not exists (
        select from pg_attribute where attrelid = 'ops.parked_events'::regclass and attname = 'waits_from_seconds'
    ) then
        alter table ops.parked_events add column waits_from_seconds double precision not null default 0;
    end if;
    -- Looked up first, because IF NOT EXISTS locks the table before it looks.
    if to_regclass('ops.events_event_id_counts_once') is null then
        create unique index events_event_id_counts_once on ops.events (event_id)
        where outcome in ('landed', 'superseded', 'parked');
    end if;
    if to_regclass('ops.events_decided_at_idx') is null then
        create index events_decided_at_idx on ops.events using brin (decided_at);
    end if;
    if to_regclass('ops.dead_letters_not_copied_idx') is null then
        create index dead_letters_not_copied_idx on ops.dead_letters (dead_letter_id) where copied_at is null;
    end if;
end
$$;

-- The stream stages each batch in temporary tables; it deletes nothing from the shop and cannot change the schema.
grant connect, temporary on database {database} to {stream};
grant usage on schema source, ops to {stream};
grant select (user_id, email, registration_date, first_name, last_name, phone, loyalty_status),
    insert (first_name, last_name, email, phone, registration_date, loyalty_status),
    update (first_name, last_name, phone, registration_date, loyalty_status)
on source.users to {stream};
grant select (product_id) on source.products to {stream};
grant select (order_id, user_id, order_date, status, delivery_date, web_order_id, web_order_version),
    insert (user_id, order_date, total_amount, status, delivery_date, web_order_id, web_order_version),
    update (user_id, order_date, status, delivery_date, web_order_version)
on source.orders to {stream};
grant select (order_id, line_number, product_id, quantity, price_per_unit),
    insert (order_id, line_number, product_id, quantity, price_per_unit, total_price)
on source.order_details to {stream};
grant select, insert, update on ops.streams, ops.stream_offsets, ops.stream_topics, ops.events to {stream};
grant delete on ops.stream_offsets to {stream};
grant select, insert, delete on ops.parked_events to {stream};
grant select, insert, update (copied_at, redriven_at) on ops.dead_letters to {stream};

-- The producers read what is sold and to whom, and record what they sent.
grant select, insert on ops.sent_events to {generator};

grant usage on schema ops to {reader};
grant select on
    ops.streams, ops.stream_offsets, ops.stream_topics, ops.events, ops.parked_events, ops.dead_letters, ops.sent_events
to {reader};
