-- Load an empty shop without maintaining keys and indexes row by row, which would take most of the time. They are
-- dropped first and rebuilt over all rows at commit. The caller cannot leave this half done: the deferred trigger runs
-- in every commit, and a violated key aborts it.

create schema if not exists ops;

-- Holds rows only inside a loading transaction.
create table if not exists ops.bulk_load_rebuilds (
    rebuild_id bigint generated always as identity primary key,
    statement text not null
);

create or replace function ops.rebuild_after_bulk_load() returns trigger language plpgsql
security definer set search_path = pg_catalog, pg_temp set maintenance_work_mem = '256MB' as $$
begin
    execute new.statement;
    delete from ops.bulk_load_rebuilds where rebuild_id = new.rebuild_id;
    return null;
end
$$;

do $$
begin
    if not exists (
        select from pg_trigger
        where tgrelid = 'ops.bulk_load_rebuilds'::regclass and tgname = 'rebuild_after_bulk_load'
    ) then
        create constraint trigger rebuild_after_bulk_load after insert on ops.bulk_load_rebuilds
        deferrable initially deferred for each row execute function ops.rebuild_after_bulk_load();
    end if;
end
$$;

create or replace function ops.begin_bulk_load(replaces_rows boolean) returns void language plpgsql
security definer set search_path = pg_catalog, pg_temp as $$
declare
    shop constant regclass[] := array[
        'source.users', 'source.product_categories', 'source.products', 'source.orders', 'source.order_details',
        'source.reviews', 'source.loyalty_points'
    ]::regclass[];
    rebuilds text[] := array[]::text[];
    loaded regclass;
    has_rows boolean;
    found record;
begin
    foreach loaded in array shop loop
        execute format('lock table %s in access exclusive mode', loaded);
        execute format('select exists (select from %s)', loaded) into has_rows;
        if has_rows and not replaces_rows then
            raise exception 'only an empty shop is loaded in bulk: % has rows', loaded;
        end if;
    end loop;
    -- Drop foreign keys first, restore them last.
    for found in
        select
            format('alter table %s drop constraint %I', c.conrelid::regclass, c.conname) as gone,
            format(
                'alter table %s add constraint %I %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid)
            ) as again,
            c.contype <> 'f' as is_index
        from pg_constraint as c
        where c.conrelid = any(shop) and c.contype in ('f', 'p', 'u')
            and not exists (
                select from pg_index as i
                where i.indexrelid = c.conindid and i.indisreplident and c.contype <> 'f'
            )
        union all
        select format('drop index %s', i.indexrelid::regclass), pg_get_indexdef(i.indexrelid), true
        from pg_index as i
        where i.indrelid = any(shop) and not i.indisreplident
            and not exists (select from pg_constraint as c where c.conindid = i.indexrelid)
        order by is_index, again desc
    loop
        begin
            execute found.gone;
            rebuilds := found.again || rebuilds;
        exception when dependent_objects_still_exist then
            null;  -- an object of the owner's depends on it: it stays and is maintained
        end;
    end loop;
    insert into ops.bulk_load_rebuilds (statement) select unnest(rebuilds);
    if replaces_rows then
        -- Not TRUNCATE: a reader with an older snapshot would find the tables empty.
        foreach loaded in array shop loop
            execute format('delete from %s', loaded);
        end loop;
    end if;
end
$$;

revoke all on function ops.rebuild_after_bulk_load(), ops.begin_bulk_load(boolean) from public;
grant usage on schema ops to {generator};
grant execute on function ops.begin_bulk_load(boolean) to {generator};
