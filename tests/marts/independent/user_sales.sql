select
    (to_char(o.order_date at time zone 'UTC', 'YYYY-MM') || '-01')::date as order_month,
    u.loyalty_status,
    count(*) as orders_cnt,
    count(*) filter (where o.status = 'Paid') as paid_orders,
    count(*) filter (where o.status = 'Completed') as completed_orders,
    count(*) filter (where o.status = 'Pending') as pending_orders,
    count(*) filter (where o.status = 'Aborted') as aborted_orders,
    cardinality(array_agg(distinct u.user_id))::bigint as unique_users,
    sum(o.total_amount)::numeric(14, 2) as total_order_amount,
    round(avg(o.total_amount), 2) as avg_order_amount,
    coalesce(sum(o.total_amount) filter (where o.status in ('Pending', 'Paid', 'Completed')), 0)::numeric(14, 2)
        as total_revenue,
    round(avg(extract(epoch from o.delivery_date - o.order_date)) / 86400, 2) as avg_delivery_period
from source.users as u
join source.orders as o using (user_id)
group by 1, 2
order by order_month, u.loyalty_status collate "C"
