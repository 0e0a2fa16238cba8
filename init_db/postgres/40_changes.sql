-- The replication slots that the shop's changes were captured from, one at a time. A slot's name is drawn when it is made
-- and is the connector's name too: a slot that was recreated is another one, and what happened between the two is lost.
create table if not exists ops.slots (
    slot_id text primary key,
    placeholder text not null,
    made_at timestamptz not null default clock_timestamp(),
    retired_at timestamptz,
    retired_because text,
    constraint slots_has_a_reason_exactly_when_retired check ((retired_at is null) = (retired_because is null))
);

do $$
begin
    if to_regclass('ops.slots_one_is_current') is null then
        create unique index slots_one_is_current on ops.slots ((true)) where retired_at is null;
    end if;
end
$$;

-- Captures from the log alone, which needs no right to any table.
grant connect on database {database} to {capture};

grant select on ops.slots to {reader}, {grafana};
