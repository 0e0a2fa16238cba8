select
    p.product_id,
    lines.total_sold,
    lines.total_revenue
from source.products as p
cross join lateral (
    select
        sum(d.quantity) as total_sold,
        sum(d.quantity * d.price_per_unit)::numeric(14, 2) as total_revenue
    from source.order_details as d
    where d.product_id = p.product_id
) as lines
where lines.total_sold is not null
order by p.product_id
