-- The summary of one run date: each region and product, with the totals of either and the product's place in its region.
insert into sales.sales_summary (
    run_date, region, product_id,
    sales_count, quantity, sales_amount, average_sale_amount,
    region_sales_count, region_quantity, region_sales_amount, region_average_sale_amount,
    product_sales_count, product_quantity, product_sales_amount, product_average_sale_amount,
    product_rank, product_share
)
with sold as (
    select
        region,
        product_id,
        count(*) as sales_count,
        sum(quantity) as quantity,
        sum(sale_amount) as sales_amount
    from sales.sales
    where run_date = %(run_date)s
    group by region, product_id
),

compared as (
    select
        sold.*,
        sum(sales_count) over of_region as region_sales_count,
        sum(quantity) over of_region as region_quantity,
        sum(sales_amount) over of_region as region_sales_amount,
        sum(sales_count) over of_product as product_sales_count,
        sum(quantity) over of_product as product_quantity,
        sum(sales_amount) over of_product as product_sales_amount,
        rank() over (partition by region order by sales_amount desc) as product_rank
    from sold
    window of_region as (partition by region), of_product as (partition by product_id)
)

select
    %(run_date)s,
    region,
    product_id,
    sales_count,
    quantity,
    sales_amount,
    round(sales_amount / sales_count, 2),
    region_sales_count,
    region_quantity,
    region_sales_amount,
    round(region_sales_amount / region_sales_count, 2),
    product_sales_count,
    product_quantity,
    product_sales_amount,
    round(product_sales_amount / product_sales_count, 2),
    product_rank,
    round(sales_amount / region_sales_amount, 8)
from compared
