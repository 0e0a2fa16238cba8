-- The ledger of runs.
create table if not exists ops.runs (
    run_id varchar(40) not null comment 'generation of what this run published',
    job varchar(64) not null,
    state varchar(16) not null comment 'running, succeeded, failed or dead (its process ended without a report)',
    started_at datetime(6) not null comment 'UTC',
    ended_at datetime(6) comment 'UTC',
    table_count bigint,
    row_count bigint,
    byte_count bigint,
    message text comment 'why it failed, one line',
    primary key (run_id),
    key job_started (job, started_at),
    constraint runs_state check (state in ('running', 'succeeded', 'failed', 'dead'))
) comment 'One row for each run of a batch job';

create table if not exists ops.run_tables (
    run_id varchar(40) not null,
    table_name varchar(64) not null,
    row_count bigint not null,
    byte_count bigint not null,
    copy_seconds double not null comment 'until the last row was loaded',
    index_seconds double not null,
    check_seconds double not null comment 'comparing a copied table with its source; a mart is audited as it loads',
    content_hash varchar(64) comment 'XOR of the rows'' hashes, equal on both sides',
    primary key (run_id, table_name)
) comment 'One row for each table of a run, written before the table becomes visible';

-- Rename a column of earlier versions, whose name fitted copies only.
set @is_old = exists (
    select 1 from information_schema.columns
    where table_schema = 'ops' and table_name = 'run_tables' and column_name = 'verify_seconds'
);
set @renaming = if(@is_old, 'alter table ops.run_tables rename column verify_seconds to check_seconds', 'do 0');
prepare renaming from @renaming;
execute renaming;
deallocate prepare renaming;

create table if not exists ops.run_chunks (
    run_id varchar(40) not null,
    table_name varchar(64) not null,
    chunk int not null,
    row_count bigint not null,
    byte_count bigint not null,
    content_hash char(64) comment 'XOR of the hashes of the lines that were sent',
    primary key (run_id, table_name, chunk)
) comment 'Ranges that a copy has loaded; in one transaction with their rows';

-- Add a column that earlier versions lack. They had none or a sum, which a run of this version could not read.
set @is_old = not exists (
    select 1 from information_schema.columns
    where table_schema = 'ops' and table_name = 'run_chunks' and column_name = 'content_hash'
);
set @has_sum = exists (
    select 1 from information_schema.columns
    where table_schema = 'ops' and table_name = 'run_chunks' and column_name = 'content_sum'
);
set @dropping = if(@has_sum, ', drop column content_sum', '');
set @adding = if(@is_old, concat('alter table ops.run_chunks add column content_hash char(64)', @dropping), 'do 0');
prepare adding from @adding;
execute adding;
deallocate prepare adding;

create table if not exists ops.bases (
    database_name varchar(64) not null,
    table_name varchar(64) not null,
    run_id varchar(40) not null comment 'generation: the run that swapped the table in',
    snapshot text not null comment 'pg_current_snapshot() of the copying transaction',
    system_identifier varchar(32) not null,
    timeline int not null,
    slot_id varchar(64) comment 'replication slot seen before the snapshot',
    topic_id char(36) comment 'topic of changes seen before the snapshot',
    next_offset bigint unsigned comment 'its end then: the copy holds every change before it',
    copied_at datetime(6) not null comment 'when the snapshot was taken, UTC',
    primary key (database_name, table_name)
) comment 'Which state of the source each table of the replica holds; renamed together with the tables';

-- Add columns that earlier versions lack.
set @is_old = not exists (
    select 1 from information_schema.columns
    where table_schema = 'ops' and table_name = 'bases' and column_name = 'topic_id'
);
set @adding = if(
    @is_old,
    'alter table ops.bases add column topic_id char(36) after slot_id, '
    'add column next_offset bigint unsigned after topic_id',
    'do 0'
);
prepare adding from @adding;
execute adding;
deallocate prepare adding;

create table if not exists ops.verifications (
    table_name varchar(64) not null,
    verified_at datetime(6) not null comment 'UTC',
    run_id varchar(40) not null comment 'generation: the copy that the replica held',
    row_count bigint not null comment 'in the source',
    differing bigint not null comment 'keys that are missing, extra or changed',
    behind bigint not null comment 'keys that the source has changed since the copy',
    first_key varchar(255) comment 'the first key that differs, and how',
    primary key (table_name, verified_at)
) comment 'One row for each table that was compared with the source: storeline verify, storeline repair';

create table if not exists ops.mart_builds (
    mart varchar(64) not null,
    run_id varchar(40) not null comment 'generation: the run that published the mart',
    row_count bigint not null,
    built_at datetime(6) not null comment 'UTC',
    source_snapshots json not null comment 'table of the replica -> generation and snapshot it was read from, changes applied by then',
    primary key (mart)
) comment 'The marts as published; renamed together with them';
