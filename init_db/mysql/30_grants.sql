-- Least privilege: init_db/run.py creates each account, and this grants what its job needs and no more.
-- The copy: the replica and its generations, the ledger, and who is in the way when a reader blocks it.
grant select, insert, update, delete, create, drop, alter, index on replica.* to {replicator};
grant select, insert, update, delete, create, drop, alter, index on replica_staging.* to {replicator};
grant select, insert, update, delete, create, drop, alter, index on replica_previous.* to {replicator};
grant select, insert, update on ops.runs to {replicator};
grant select, insert, delete on ops.run_tables to {replicator};
grant select, insert, update, delete on ops.run_chunks to {replicator};
grant select, insert on ops.verifications to {replicator};
grant select, insert, update, delete, create, drop, alter on ops.bases to {replicator};
grant select, insert, update, delete, create, drop, alter on ops.bases_next to {replicator};
grant select, insert, update, delete, create, drop, alter on ops.bases_previous to {replicator};
grant select, insert, update on ops.stream_positions to {replicator};
grant select on performance_schema.metadata_locks to {replicator};
grant select on performance_schema.threads to {replicator};

-- The mart builder: reads the replica, owns the marts and their generations.
grant select on replica.* to {mart_builder};
grant select on ops.bases to {mart_builder};
grant select on ops.verifications to {mart_builder};
grant select on ops.stream_positions to {mart_builder};
grant select, insert, update, delete, create, drop, alter, index, create view, show view on marts.* to {mart_builder};
grant select, insert, update, delete, create, drop, alter, index on marts_staging.* to {mart_builder};
grant select, insert, update, delete, create, drop, alter, index on marts_previous.* to {mart_builder};
grant select, insert, update on ops.runs to {mart_builder};
grant select, insert, delete on ops.run_tables to {mart_builder};
grant select, insert, update, delete, create, drop, alter on ops.mart_builds to {mart_builder};
grant select, insert, update, delete, create, drop, alter on ops.mart_builds_next to {mart_builder};
grant select, insert, update, delete, create, drop, alter on ops.mart_builds_previous to {mart_builder};
grant select on performance_schema.metadata_locks to {mart_builder};
grant select on performance_schema.threads to {mart_builder};

-- The analyst queries, and reads in the ledger how old the data is.
grant select on replica.* to {analyst};
grant select, show view on marts.* to {analyst};
grant select on ops.* to {analyst};

-- Airflow's triggerer sees whether the marts are to follow the stream of changes.
grant select on ops.mart_freshness to {watcher};

-- Grafana's boards read the ledger and the marts.
grant select on ops.* to {grafana};
grant select on marts.* to {grafana};
