-- The age of each mart and its limit from this start's configuration: shown by the cockpit, compared by an alert. And how
-- many changes the stream had applied to the replica when the mart read it, and by now: Airflow's triggerer compares them.
create or replace sql security definer view ops.mart_freshness as
select
    mart,
    row_count,
    built_at,
    timestampdiff(second, built_at, utc_timestamp(6)) as age_seconds,
    60 * {marts_freshness_limit_minutes} as limit_seconds,
    coalesce(
        cast(json_extract(json_extract(source_snapshots, '$.*.changes'), '$[0]') as signed), 0
    ) as changes_shown,
    coalesce((select changes from ops.stream_positions where stream = 'stream_changes'), 0) as changes_applied
from ops.mart_builds;
