/*
about: Units and money of each product that was ever ordered, from the order lines alone, in every status.
grain: [product_id]
reads: [order_details]
columns:
  product_id: BIGINT, the product
  total_sold: BIGINT, units ordered
  total_revenue: DECIMAL(14,2), sum of the lines' total prices in US dollars
checks:
  - total_sold > 0
  - total_revenue >= 0
*/
with

order_lines as (
    select
        product_id,
        quantity,
        total_price
    from order_details
),

sales_of_each_product as (
    select
        product_id,
        sum(quantity) as total_sold,
        sum(total_price) as total_revenue
    from order_lines
    group by product_id
)

select
    cast(product_id as bigint) as product_id,
    cast(total_sold as bigint) as total_sold,
    cast(total_revenue as decimal(14, 2)) as total_revenue
from sales_of_each_product
