#!/bin/bash
# Make the topics, or bring the ones that are there to what is declared. A second run changes nothing.
# usage: topics.sh BROKER:PORT
set -euo pipefail
broker=$1
tools=/opt/kafka/bin
events="retention.ms=$((RETENTION_HOURS * 3600000)) max.message.bytes=$EVENT_MAX_BYTES"
changes="retention.ms=$((RETENTION_HOURS * 3600000)) max.message.bytes=$CHANGE_MAX_BYTES"
letters="retention.ms=$((DEAD_LETTER_RETENTION_HOURS * 3600000)) max.message.bytes=$CHANGE_MAX_BYTES"
# name, partitions, options; the changes of a database keep their order in one partition
declared="orders $EVENT_PARTITIONS $events
users-data $EVENT_PARTITIONS $events
storeline.changes 1 $changes
dead-letters 1 $letters"

there=$("$tools/kafka-topics.sh" --bootstrap-server "$broker" --describe)

make() { # name partitions option...
  local name=$1 partitions=$2 line option
  shift 2
  line=$(awk -F '\t' -v topic="Topic: $name" '$1 == topic && /PartitionCount/' <<<"$there")
  if [[ -z $line ]]; then
    "$tools/kafka-topics.sh" --bootstrap-server "$broker" --create --if-not-exists --topic "$name" \
      --partitions "$partitions" --replication-factor 1 $(printf -- '--config %s ' "$@")
    return
  fi
  if (( $(sed -E 's/.*PartitionCount: *([0-9]+).*/\1/' <<<"$line") < partitions )); then
    "$tools/kafka-topics.sh" --bootstrap-server "$broker" --alter --topic "$name" --partitions "$partitions"
  fi
  for option in "$@"; do
    [[ $line == *"$option"* ]] || "$tools/kafka-configs.sh" --bootstrap-server "$broker" --alter \
      --entity-type topics --entity-name "$name" --add-config "$option"
  done
  echo "topic $name is ready"
}

while read -r name partitions options; do
  # shellcheck disable=SC2086  # options are words
  make "$name" "$partitions" $options </dev/null &
done <<<"$declared"
failed=0
for job in $(jobs -p); do wait "$job" || failed=1; done
exit "$failed"
