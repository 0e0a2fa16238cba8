/*
about: The mean rating of each product, with or without reviews.
grain: [product_id]
reads: [products, reviews]
columns:
  product_id: BIGINT, the product
  name: VARCHAR(255), name of the product
  rating: DECIMAL(14,2) null, mean of the reviews' ratings, from 1 to 5; null without reviews
checks:
  - rating is null or rating between 1 and 5
*/
with

products as (
    select
        product_id,
        name
    from products
),

reviews as (
    select
        product_id,
        rating
    from reviews
),

ratings_of_each_product as (
    select
        product_id,
        count(rating) as ratings,
        sum(rating) as sum_of_ratings
    from reviews
    group by product_id
)

-- A quotient of whole numbers would be a binary fraction, whose half cents are not halves.
select
    cast(products.product_id as bigint) as product_id,
    cast(products.name as string) as name,
    cast(
        cast(ratings_of_each_product.sum_of_ratings as decimal(20, 0)) / ratings_of_each_product.ratings
        as decimal(14, 2)
    ) as rating
from products
left join ratings_of_each_product on products.product_id = ratings_of_each_product.product_id
