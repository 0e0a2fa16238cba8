#!/bin/sh
# Start Grafana with internal addresses, and with passwords in in-memory files that only it can read.
set -eu
umask 077
secrets=/run/storeline
data=/var/lib/grafana
home=${GF_PATHS_HOME:-/usr/share/grafana}

# A loopback address in `.env` means our own server, which has another name inside (storeline/loopback.py).
for entry in $STORELINE_SERVICES; do
    name=$(printf %s "${entry%%=*}" | tr '[:lower:]' '[:upper:]')
    inside=${entry#*=}
    eval "host=\${${name}_HOST:-}"
    case $host in 127.0.0.1 | localhost | ::1) export "${name}_HOST=${inside%:*}" "${name}_PORT=${inside#*:}" ;; esac
done

# Grafana keeps the administrator's password of its first start; a new one has to be set explicitly.
key=$data/secret_key
told=$data/admin_password.sha256
if [ ! -s "$key" ]; then
    head -c 24 /dev/urandom | base64 >"$key.new"
    mv "$key.new" "$key"
fi
now=$( (cat "$key" && printenv GRAFANA_ADMIN_PASSWORD) | sha256sum)
if [ -e "$data/grafana.db" ] && [ "$now" != "$(cat "$told" 2>/dev/null)" ]; then
    printenv GRAFANA_ADMIN_PASSWORD |
        grafana cli --homepath "$home" admin reset-admin-password --password-from-stdin >/dev/null || {
        echo "grafana: setting the administrator's password to GRAFANA_ADMIN_PASSWORD failed; it keeps the old one:" \
            "restore that value, or delete the volume grafana" >&2
        exit 1
    }
fi
printf %s "$now" >"$told"

# Grafana expands values from files once more, so a dollar sign is written as a variable that holds it.
export DOLLAR='$'
for name in POSTGRES_GRAFANA_PASSWORD MYSQL_GRAFANA_PASSWORD CLICKHOUSE_READER_PASSWORD; do
    printenv "$name" | sed 's/\$/${DOLLAR}/g' >"$secrets/$name"
    unset "$name"
done
printenv GRAFANA_ADMIN_PASSWORD | sed 's/\$\([{_]\)/${DOLLAR}\1/g' >"$secrets/GRAFANA_ADMIN_PASSWORD"
unset GRAFANA_ADMIN_PASSWORD
export GF_SECURITY_ADMIN_PASSWORD__FILE="$secrets/GRAFANA_ADMIN_PASSWORD"
export GF_SECURITY_SECRET_KEY="\$__file{$key}"

exec /run.sh
