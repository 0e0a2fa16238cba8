/*
about: Orders and money of each user in each order status that the user's orders have.
grain: [user_id, status]
reads: [users, orders]
columns:
  user_id: BIGINT, the user
  first_name: VARCHAR(255), first name of the user
  last_name: VARCHAR(255), last name of the user
  status: VARCHAR(255), status of the orders
  order_count: BIGINT, orders of the user in this status
  total_spent: DECIMAL(14,2), sum of these orders' totals in US dollars
checks:
  - order_count > 0
  - total_spent >= 0
*/
with

users as (
    select
        user_id,
        first_name,
        last_name
    from users
),

orders as (
    select
        order_id,
        user_id,
        status,
        total_amount
    from orders
),

orders_of_each_user_and_status as (
    select
        user_id,
        status,
        count(order_id) as order_count,
        sum(total_amount) as total_spent
    from orders
    group by user_id, status
)

select
    cast(users.user_id as bigint) as user_id,
    cast(users.first_name as string) as first_name,
    cast(users.last_name as string) as last_name,
    cast(orders_of_each_user_and_status.status as string) as status,
    cast(orders_of_each_user_and_status.order_count as bigint) as order_count,
    cast(orders_of_each_user_and_status.total_spent as decimal(14, 2)) as total_spent
from users
inner join orders_of_each_user_and_status on users.user_id = orders_of_each_user_and_status.user_id
