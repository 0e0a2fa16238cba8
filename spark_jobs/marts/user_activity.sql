/*
about: The mart mart_user_activity under the name that dashboards know.
view: true
grain: [user_id, status]
reads: [mart_user_activity]
columns:
  user_id: BIGINT, the user
  first_name: VARCHAR(255), first name of the user
  last_name: VARCHAR(255), last name of the user
  status: VARCHAR(255), status of the orders
  order_count: BIGINT, orders of the user in this status
  total_spent: DECIMAL(14,2), sum of these orders' totals in US dollars
checks: []
*/
select
    user_id,
    first_name,
    last_name,
    status,
    order_count,
    total_spent
from mart_user_activity
