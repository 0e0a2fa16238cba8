with units as (
    select
        (to_char(o.order_date at time zone 'UTC', 'YYYY-MM') || '-01')::date as order_month,
        c.name as product_category,
        p.name as product_name,
        o.order_id,
        o.status,
        sum(d.quantity) as quantity,
        sum(d.quantity * d.price_per_unit) as amount
    from source.product_categories as c
    join source.products as p using (category_id)
    join source.order_details as d using (product_id)
    join source.orders as o using (order_id)
    group by 1, 2, 3, 4, 5
)

select
    order_month,
    product_category,
    product_name,
    count(*) as order_cnt,
    sum(quantity)::bigint as ordered_quantity,
    coalesce(sum(quantity) filter (where status = 'Aborted'), 0)::bigint as aborted_quantity,
    coalesce(sum(quantity) filter (where status = 'Paid'), 0)::bigint as paid_quantity,
    coalesce(sum(quantity) filter (where status = 'Pending'), 0)::bigint as pending_quantity,
    coalesce(sum(quantity) filter (where status = 'Completed'), 0)::bigint as completed_quantity,
    sum(amount)::numeric(14, 2) as total_amount,
    (sum(amount) - coalesce(sum(amount) filter (where status = 'Aborted'), 0))::numeric(14, 2) as total_revenue
from units
group by order_month, product_category, product_name
order by order_month, product_category collate "C", product_name collate "C"
