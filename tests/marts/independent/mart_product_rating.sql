select
    p.product_id,
    p.name,
    (select round(avg(r.rating), 2) from source.reviews as r where r.product_id = p.product_id) as rating
from source.products as p
order by p.product_id
