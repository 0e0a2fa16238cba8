"""The shop's tables as Spark reads them: the schemas of the rows that examples give.

The example of a mart that reads another table declares that one's columns itself, under `tables`.
"""

SOURCE_TABLES = {
    "users": {
        "user_id": "bigint",
        "first_name": "string",
        "last_name": "string",
        "email": "string",
        "phone": "string",
        "registration_date": "timestamp",
        "loyalty_status": "string",
        "updated_at": "timestamp",
    },
    "product_categories": {
        "category_id": "bigint",
        "name": "string",
        "parent_category_id": "bigint",
        "updated_at": "timestamp",
    },
    "products": {
        "product_id": "bigint",
        "name": "string",
        "description": "string",
        "category_id": "bigint",
        "price": "decimal(14,2)",
        "stock_quantity": "int",
        "creation_date": "timestamp",
        "updated_at": "timestamp",
    },
    "orders": {
        "order_id": "bigint",
        "user_id": "bigint",
        "order_date": "timestamp",
        "total_amount": "decimal(14,2)",
        "status": "string",
        "delivery_date": "timestamp",
        "web_order_id": "string",
        "web_order_version": "int",
        "updated_at": "timestamp",
    },
    "order_details": {
        "order_detail_id": "bigint",
        "order_id": "bigint",
        "line_number": "int",
        "product_id": "bigint",
        "quantity": "int",
        "price_per_unit": "decimal(14,2)",
        "total_price": "decimal(14,2)",
        "updated_at": "timestamp",
    },
    "reviews": {
        "review_id": "bigint",
        "user_id": "bigint",
        "product_id": "bigint",
        "rating": "int",
        "review_text": "string",
        "created_at": "timestamp",
        "updated_at": "timestamp",
    },
    "loyalty_points": {
        "loyalty_id": "bigint",
        "user_id": "bigint",
        "points": "int",
        "reason": "string",
        "created_at": "timestamp",
        "updated_at": "timestamp",
    },
}
