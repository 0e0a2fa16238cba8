-- The weekly sales, their summary, and the pipeline's report on each run date.
create schema if not exists sales;

create table if not exists sales.sales (
    run_date date not null,
    sale_id bigint not null,
    customer_id bigint not null,
    product_id bigint not null,
    quantity bigint not null constraint sales_quantity_is_positive check (quantity > 0),
    sale_date timestamptz not null,
    sale_amount numeric(14, 2) not null constraint sales_sale_amount_is_positive check (sale_amount > 0),
    region varchar(255) not null constraint sales_region_is_known check (region in ('North', 'South', 'East', 'West')),
    primary key (run_date, sale_id)
);

create table if not exists sales.sales_summary (
    run_date date not null,
    region varchar(255) not null,
    product_id bigint not null,
    sales_count bigint not null,
    quantity bigint not null,
    sales_amount numeric(14, 2) not null,
    average_sale_amount numeric(14, 2) not null,
    region_sales_count bigint not null,
    region_quantity bigint not null,
    region_sales_amount numeric(14, 2) not null,
    region_average_sale_amount numeric(14, 2) not null,
    product_sales_count bigint not null,
    product_quantity bigint not null,
    product_sales_amount numeric(14, 2) not null,
    product_average_sale_amount numeric(14, 2) not null,
    product_rank bigint not null,
    product_share numeric(9, 8) not null,
    primary key (run_date, region, product_id)
);

-- What validate found, one row per rule; a new validation of a run date replaces the previous one.
create table if not exists ops.sales_reports (
    run_date date not null,
    rule text not null,
    meaning text not null,
    bad_rows bigint not null,
    checked_rows bigint not null,
    bad_share double precision not null,
    example text,
    reported_at timestamptz not null default clock_timestamp(),
    primary key (run_date, rule)
);

-- The last successful run of each step and run date. `seconds` excludes Spark's start.
create table if not exists ops.sales_steps (
    run_date date not null,
    step text not null,
    run_id text not null,
    row_count bigint not null,
    seconds double precision not null,
    ended_at timestamptz not null default clock_timestamp(),
    primary key (run_date, step)
);

grant connect on database {database} to {sales};
grant usage on schema sales, ops to {sales};
grant select, insert, delete on sales.sales, sales.sales_summary, ops.sales_reports, ops.sales_steps to {sales};

grant usage on schema sales to {reader};
grant select on sales.sales, sales.sales_summary, ops.sales_reports, ops.sales_steps to {reader};
