/*
about: The loyalty points that each user has today, with or without entries.
grain: [user_id]
reads: [users, loyalty_points]
columns:
  user_id: BIGINT, the user
  first_name: VARCHAR(255), first name of the user
  last_name: VARCHAR(255), last name of the user
  loyalty_status: VARCHAR(255), loyalty status of the user
  total_loyalty_points: BIGINT, sum of the user's entries, of which refunds are negative; 0 without entries
checks: []
*/
with

users as (
    select
        user_id,
        first_name,
        last_name,
        loyalty_status
    from users
),

loyalty_entries as (
    select
        user_id,
        points
    from loyalty_points
),

points_of_each_user as (
    select
        user_id,
        sum(points) as total_loyalty_points
    from loyalty_entries
    group by user_id
)

select
    cast(users.user_id as bigint) as user_id,
    cast(users.first_name as string) as first_name,
    cast(users.last_name as string) as last_name,
    cast(users.loyalty_status as string) as loyalty_status,
    cast(coalesce(points_of_each_user.total_loyalty_points, 0) as bigint) as total_loyalty_points
from users
left join points_of_each_user on users.user_id = points_of_each_user.user_id
