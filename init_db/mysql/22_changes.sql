-- Where the stream of changes resumes. It writes this row in the same transaction as the replica's tables.
create table if not exists ops.stream_positions (
    stream varchar(64) not null,
    run_id varchar(40) not null comment 'the run that may write: the one that started last',
    started_at datetime(6) not null comment 'UTC',
    base_run_id varchar(40) comment 'the copy that it goes on from (ops.bases)',
    caught_up_run_id varchar(40) comment 'a copy that held exactly what was applied when it went live',
    topic_id char(36) comment 'a topic that was recreated has another one',
    next_offset bigint unsigned comment 'everything before it is applied',
    last_end bigint unsigned not null comment 'position in PostgreSQL''s log of the last transaction applied since the copy',
    last_transaction bigint unsigned not null comment 'the highest transaction seen, with all its bits',
    changes bigint unsigned not null default 0 comment 'how many it has applied so far',
    committed_at datetime(6) comment 'when the last applied transaction was committed in PostgreSQL, UTC',
    updated_at datetime(6) comment 'when that was applied here, UTC',
    primary key (stream)
) comment 'One row for each stream that writes the replica';

-- Add a column that earlier versions lack.
set @is_old = not exists (
    select 1 from information_schema.columns
    where table_schema = 'ops' and table_name = 'stream_positions' and column_name = 'caught_up_run_id'
);
set @adding = if(
    @is_old, 'alter table ops.stream_positions add column caught_up_run_id varchar(40) after base_run_id', 'do 0'
);
prepare adding from @adding;
execute adding;
deallocate prepare adding;
