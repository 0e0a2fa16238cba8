-- Databases of the analytical side. Only utf8mb4_0900_bin distinguishes every key that PostgreSQL does;
-- marts are read by people, who expect case-insensitive search.
create database if not exists replica character set utf8mb4 collate utf8mb4_0900_bin;
create database if not exists replica_staging character set utf8mb4 collate utf8mb4_0900_bin;
create database if not exists replica_previous character set utf8mb4 collate utf8mb4_0900_bin;
create database if not exists marts character set utf8mb4 collate utf8mb4_0900_as_ci;
create database if not exists marts_staging character set utf8mb4 collate utf8mb4_0900_as_ci;
create database if not exists marts_previous character set utf8mb4 collate utf8mb4_0900_as_ci;
create database if not exists ops character set utf8mb4 collate utf8mb4_0900_bin;
