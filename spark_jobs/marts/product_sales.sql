/*
about: Orders, units and money of each month of order, category name and product name.
grain: [order_month, product_category, product_name]
reads: [orders, order_details, products, product_categories]
columns:
  order_month: DATE, first day of the month of the orders (UTC)
  product_category: VARCHAR(255), name of the product's own category
  product_name: VARCHAR(255), name of the product
  order_cnt: BIGINT, orders that hold the product, each counted once
  ordered_quantity: BIGINT, units in orders of every status
  aborted_quantity: BIGINT, units in aborted orders
  paid_quantity: BIGINT, units in orders that are paid and not yet completed
  pending_quantity: BIGINT, units in pending orders
  completed_quantity: BIGINT, units in completed orders
  total_amount: DECIMAL(14,2), sum of the lines' total prices in US dollars, in every status
  total_revenue: DECIMAL(14,2), sum of the lines' total prices in US dollars without aborted orders
checks:
  - day(order_month) = 1
  - order_cnt between 1 and ordered_quantity
  - ordered_quantity = aborted_quantity + paid_quantity + pending_quantity + completed_quantity
  - total_revenue between 0 and total_amount
*/
with

orders as (
    select
        order_id,
        order_date,
        status
    from orders
),

order_lines as (
    select
        order_id,
        product_id,
        quantity,
        total_price
    from order_details
),

products as (
    select
        product_id,
        category_id,
        name
    from products
),

categories as (
    select
        category_id,
        name
    from product_categories
),

order_lines_with_names as (
    select
        date_trunc('month', orders.order_date) as order_month,
        categories.name as product_category,
        products.name as product_name,
        orders.order_id,
        orders.status,
        order_lines.quantity,
        order_lines.total_price
    from order_lines
    inner join orders on order_lines.order_id = orders.order_id
    inner join products on order_lines.product_id = products.product_id
    inner join categories on products.category_id = categories.category_id
),

sales_of_each_month_and_product as (
    select
        order_month,
        product_category,
        product_name,
        count(distinct order_id) as order_cnt,
        sum(quantity) as ordered_quantity,
        sum(case when status = 'Aborted' then quantity else 0 end) as aborted_quantity,
        sum(case when status = 'Paid' then quantity else 0 end) as paid_quantity,
        sum(case when status = 'Pending' then quantity else 0 end) as pending_quantity,
        sum(case when status = 'Completed' then quantity else 0 end) as completed_quantity,
        sum(total_price) as total_amount,
        sum(case when status = 'Aborted' then 0 else total_price end) as total_revenue
    from order_lines_with_names
    group by order_month, product_category, product_name
)

select
    cast(order_month as date) as order_month,
    cast(product_category as string) as product_category,
    cast(product_name as string) as product_name,
    cast(order_cnt as bigint) as order_cnt,
    cast(ordered_quantity as bigint) as ordered_quantity,
    cast(aborted_quantity as bigint) as aborted_quantity,
    cast(paid_quantity as bigint) as paid_quantity,
    cast(pending_quantity as bigint) as pending_quantity,
    cast(completed_quantity as bigint) as completed_quantity,
    cast(total_amount as decimal(14, 2)) as total_amount,
    cast(total_revenue as decimal(14, 2)) as total_revenue
from sales_of_each_month_and_product
