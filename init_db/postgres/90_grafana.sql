-- Grafana's role reads only what its boards show: not the contents of events and dead letters.
grant connect on database {database} to {grafana};
alter role {grafana} in database {database} set default_transaction_read_only = on;
-- Cancels slow panel queries.
alter role {grafana} set statement_timeout = '30s';
alter role {grafana} connection limit 20;
grant usage on schema ops to {grafana};
grant select on ops.stream_offsets, ops.stream_topics, ops.events, ops.sent_events to {grafana};
grant select on ops.sales_reports, ops.sales_steps to {grafana};
grant select (parked_at) on ops.parked_events to {grafana};
grant select (topic, error_class, reason, dead_at, redriven_at) on ops.dead_letters to {grafana};
