select
    c.category_id,
    c.name,
    (
        select coalesce(sum(d.quantity), 0)
        from source.order_details as d
        where d.product_id in (select p.product_id from source.products as p where p.category_id = c.category_id)
    ) as total_quantity_sold,
    (
        select coalesce(sum(d.quantity * d.price_per_unit), 0)::numeric(14, 2)
        from source.order_details as d
        where d.product_id in (select p.product_id from source.products as p where p.category_id = c.category_id)
    ) as total_sales
from source.product_categories as c
order by c.category_id
