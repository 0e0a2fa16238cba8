/*
about: The mean order of each order status and each loyalty status that its users have today.
grain: [status, loyalty_status]
reads: [users, orders]
columns:
  status: VARCHAR(255), status of the orders
  loyalty_status: VARCHAR(255), loyalty status of the users today
  average_check: DECIMAL(14,2), mean of the orders' totals in US dollars
checks:
  - average_check >= 0
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
        status,
        total_amount
    from orders
),

orders_of_each_status_and_loyalty_status as (
    select
        orders.status,
        users.loyalty_status,
        count(orders.order_id) as orders_cnt,
        sum(orders.total_amount) as total_amount
    from orders
    inner join users on orders.user_id = users.user_id
    group by orders.status, users.loyalty_status
)

-- Not avg(), which would round twice, first to its own scale.
select
    cast(status as string) as status,
    cast(loyalty_status as string) as loyalty_status,
    cast(total_amount / orders_cnt as decimal(14, 2)) as average_check
from orders_of_each_status_and_loyalty_status
