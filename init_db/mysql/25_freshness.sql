-- How old each mart is, against the limit of this start's configuration: what the cockpit shows and an alert compares.
create or replace sql security definer view ops.mart_freshness as
select
    mart,
    row_count,
    built_at,
    timestampdiff(second, built_at, utc_timestamp(6)) as age_seconds,
    60 * {marts_freshness_limit_minutes} as limit_seconds
from ops.mart_builds;
