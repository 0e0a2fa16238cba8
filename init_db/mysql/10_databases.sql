-- Databases of the analytical side. Only utf8mb4_0900_bin keeps apart all keys that PostgreSQL keeps apart;
-- marts are read by people, who look for text without case.
create database if not exists replica character set utf8mb4 collate utf8mb4_0900_bin;
create database if not exists replica_staging character set utf8mb4 collate utf8mb4_0900_bin;
create database if not exists replica_previous character set utf8mb4 collate utf8mb4_0900_bin;
create database if not exists marts character set utf8mb4 collate utf8mb4_0900_as_ci;
create database if not exists marts_staging character set utf8mb4 collate utf8mb4_0900_as_ci;
create database if not exists marts_previous character set utf8mb4 collate utf8mb4_0900_as_ci;
create database if not exists ops character set utf8mb4 collate utf8mb4_0900_bin;
