#!/bin/bash
# Start the server with the configured accounts. ClickHouse's configuration uses account names as element names, so they
# are substituted here; passwords are passed as SHA-256 sums, because ClickHouse writes what it reads to disk.
set -euo pipefail

for name in "$CLICKHOUSE_USER" "$CLICKHOUSE_READER_USER"; do
    [[ $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || { echo "start: the account $name: use only letters, digits and _" >&2; exit 1; }
done
sum() { printf %s "$1" | sha256sum | cut -d ' ' -f 1; }
LOADER_SHA256=$(sum "$CLICKHOUSE_PASSWORD")
READER_SHA256=$(sum "$CLICKHOUSE_READER_PASSWORD")
sed "s/LOADER>/$CLICKHOUSE_USER>/; s/READER>/$CLICKHOUSE_READER_USER>/" /etc/storeline/users.xml > /run/storeline/users.xml
unset CLICKHOUSE_PASSWORD CLICKHOUSE_READER_PASSWORD
export LOADER_SHA256 READER_SHA256 CLICKHOUSE_WATCHDOG_ENABLE=0
exec clickhouse-server --config-file=/etc/clickhouse-server/config.xml
