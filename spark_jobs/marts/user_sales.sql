/*
about: Orders, money and delivery of each month of order and each loyalty status that its users have today.
grain: [order_month, loyalty_status]
reads: [users, orders]
columns:
  order_month: DATE, first day of the month of the orders (UTC)
  loyalty_status: VARCHAR(255), loyalty status of the users today
  orders_cnt: BIGINT, orders in every status
  paid_orders: BIGINT, orders that are paid and not yet completed
  completed_orders: BIGINT, orders that are completed
  pending_orders: BIGINT, orders that are pending
  aborted_orders: BIGINT, orders that were aborted
  unique_users: BIGINT, users who ordered
  total_order_amount: DECIMAL(14,2), sum of the orders' totals in US dollars, in every status
  avg_order_amount: DECIMAL(14,2), mean of the orders' totals in US dollars, in every status
  total_revenue: DECIMAL(14,2), sum of the orders' totals in US dollars without aborted orders
  avg_delivery_period: DECIMAL(14,2) null, mean days from order to delivery; null when nothing was delivered
checks:
  - day(order_month) = 1
  - orders_cnt > 0
  - orders_cnt = paid_orders + completed_orders + pending_orders + aborted_orders
  - unique_users between 1 and orders_cnt
  - total_revenue between 0 and total_order_amount
  - avg_order_amount between 0 and total_order_amount
  - (avg_delivery_period is not null) = (completed_orders > 0)
  - avg_delivery_period is null or avg_delivery_period >= 0
*/
with

users as (
    select
        user_id,
        loyalty_status
    from users
),

orders as (
    select
        order_id,
        user_id,
        order_date,
        delivery_date,
        status,
        total_amount
    from orders
),

orders_with_loyalty_status as (
    select
        date_trunc('month', orders.order_date) as order_month,
        users.loyalty_status,
        orders.order_id,
        orders.user_id,
        orders.status,
        orders.total_amount,
        unix_micros(orders.delivery_date) - unix_micros(orders.order_date) as delivery_microseconds
    from orders
    inner join users on orders.user_id = users.user_id
),

sales_of_each_month_and_loyalty_status as (
    select
        order_month,
        loyalty_status,
        count(order_id) as orders_cnt,
        count_if(status = 'Paid') as paid_orders,
        count_if(status = 'Completed') as completed_orders,
        count_if(status = 'Pending') as pending_orders,
        count_if(status = 'Aborted') as aborted_orders,
        count(distinct user_id) as unique_users,
        sum(total_amount) as total_order_amount,
        sum(case when status = 'Aborted' then 0 else total_amount end) as total_revenue,
        count(delivery_microseconds) as deliveries,
        sum(cast(delivery_microseconds as decimal(20, 0))) as delivery_microseconds
    from orders_with_loyalty_status
    group by order_month, loyalty_status
)

-- Means are a sum divided by a number: avg() would round twice, first to its own scale. The sum of microseconds is
-- cast to fewer digits because the fewer a number has before the point, the more decimals Spark gives its quotient.
select
    cast(order_month as date) as order_month,
    cast(loyalty_status as string) as loyalty_status,
    cast(orders_cnt as bigint) as orders_cnt,
    cast(paid_orders as bigint) as paid_orders,
    cast(completed_orders as bigint) as completed_orders,
    cast(pending_orders as bigint) as pending_orders,
    cast(aborted_orders as bigint) as aborted_orders,
    cast(unique_users as bigint) as unique_users,
    cast(total_order_amount as decimal(14, 2)) as total_order_amount,
    cast(total_order_amount / orders_cnt as decimal(14, 2)) as avg_order_amount,
    cast(total_revenue as decimal(14, 2)) as total_revenue,
    cast(
        cast(delivery_microseconds as decimal(22, 0)) / deliveries / 86400000000 as decimal(14, 2)
    ) as avg_delivery_period
from sales_of_each_month_and_loyalty_status
