/*
about: Units and money of each category's own products (not of those below it), with or without sales, in every status.
grain: [category_id]
reads: [product_categories, products, order_details]
columns:
  category_id: BIGINT, the category
  name: VARCHAR(255), name of the category
  total_quantity_sold: BIGINT, units ordered of the category's products; 0 without sales
  total_sales: DECIMAL(14,2), sum of the lines' total prices in US dollars; 0 without sales
checks:
  - total_quantity_sold >= 0
  - total_sales >= 0
  - total_quantity_sold > 0 or total_sales = 0
*/
with

categories as (
    select
        category_id,
        name
    from product_categories
),

products as (
    select
        product_id,
        category_id
    from products
),

order_lines as (
    select
        product_id,
        quantity,
        total_price
    from order_details
),

sales_of_each_category as (
    select
        products.category_id,
        sum(order_lines.quantity) as total_quantity_sold,
        sum(order_lines.total_price) as total_sales
    from order_lines
    inner join products on order_lines.product_id = products.product_id
    group by products.category_id
)

select
    cast(categories.category_id as bigint) as category_id,
    cast(categories.name as string) as name,
    cast(coalesce(sales_of_each_category.total_quantity_sold, 0) as bigint) as total_quantity_sold,
    cast(coalesce(sales_of_each_category.total_sales, 0) as decimal(14, 2)) as total_sales
from categories
left join sales_of_each_category on categories.category_id = sales_of_each_category.category_id
