-- The living shop's role does what the shop's own application does, row by row: it sells, pays, reviews and deletes. It
-- neither makes products nor changes what was sold, and knows nothing of events.
grant connect on database {database} to {live_shop};
grant usage on schema source to {live_shop};
-- An address contains its user's number.
grant usage on sequence source.users_user_id_seq to {live_shop};
grant select (user_id, first_name, last_name, email),
    insert (user_id, first_name, last_name, email, phone, registration_date, loyalty_status),
    update (email),
    delete
on source.users to {live_shop};
grant select (product_id, price, stock_quantity), update (price, stock_quantity) on source.products to {live_shop};
grant select (order_id, user_id, order_date, total_amount, status, web_order_id),
    insert (user_id, order_date, total_amount, status),
    update (status, delivery_date),
    delete
on source.orders to {live_shop};
grant select (order_id, line_number, product_id, quantity),
    insert (order_id, line_number, product_id, quantity, price_per_unit, total_price),
    delete
on source.order_details to {live_shop};
grant select (review_id, user_id, rating), insert (user_id, product_id, rating, review_text, created_at),
    update (rating, review_text),
    delete
on source.reviews to {live_shop};
grant select (user_id), insert (user_id, points, reason, created_at) on source.loyalty_points to {live_shop};
