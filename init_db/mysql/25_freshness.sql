-- The age of each mart and its limit from this start's configuration: shown by the cockpit, compared by an alert.
create or replace sql security definer view ops.mart_freshness as
select
    mart,
    row_count,
    built_at,
    timestampdiff(second, built_at, utc_timestamp(6)) as age_seconds,
    60 * {marts_freshness_limit_minutes} as limit_seconds
from ops.mart_builds;
