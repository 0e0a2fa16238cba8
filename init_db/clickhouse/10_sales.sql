-- The summary of each week's sales, one row per import date, region and product. Partitioned by import date, so that
-- one date can be replaced without touching others.
create database if not exists sales;

create table if not exists sales.sales_summary (
    import_date Date comment 'run date of the pipeline',
    region LowCardinality(String),
    product_id Int64,
    sales_count Int64,
    quantity Int64,
    sales_amount Decimal(14, 2),
    average_sale_amount Decimal(14, 2),
    region_sales_count Int64 comment 'the same totals for the region',
    region_quantity Int64,
    region_sales_amount Decimal(14, 2),
    region_average_sale_amount Decimal(14, 2),
    product_sales_count Int64 comment 'the same totals for the product',
    product_quantity Int64,
    product_sales_amount Decimal(14, 2),
    product_average_sale_amount Decimal(14, 2),
    product_rank Int64 comment 'by sales_amount within the region, from 1',
    product_share Decimal(9, 8) comment 'of the region''s sales_amount, from 0 to 1'
) engine = MergeTree partition by import_date order by (import_date, region, product_id);
