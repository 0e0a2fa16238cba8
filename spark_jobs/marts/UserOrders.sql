/*
about: Orders and money of each user, with or without orders, in every status.
grain: [user_id]
reads: [users, orders]
columns:
  user_id: BIGINT, the user
  total_orders: BIGINT, orders of the user; 0 without orders
  total_amount: DECIMAL(14,2), sum of the orders' totals in US dollars; 0 without orders
  last_order_date: DATETIME(6) null, moment of the user's latest order (UTC); null without orders
checks:
  - total_orders >= 0
  - total_amount >= 0
  - total_orders > 0 or total_amount = 0
  - (total_orders > 0) = (last_order_date is not null)
*/
with

users as (
    select user_id from users
),

orders as (
    select
        order_id,
        user_id,
        order_date,
        total_amount
    from orders
),

orders_of_each_user as (
    select
        user_id,
        count(order_id) as total_orders,
        sum(total_amount) as total_amount,
        max(order_date) as last_order_date
    from orders
    group by user_id
)

select
    cast(users.user_id as bigint) as user_id,
    cast(coalesce(orders_of_each_user.total_orders, 0) as bigint) as total_orders,
    cast(coalesce(orders_of_each_user.total_amount, 0) as decimal(14, 2)) as total_amount,
    cast(orders_of_each_user.last_order_date as timestamp) as last_order_date
from users
left join orders_of_each_user on users.user_id = orders_of_each_user.user_id
