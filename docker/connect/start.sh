#!/bin/bash
# Start Kafka Connect: it reaches PostgreSQL and Kafka, and its REST interface listens in the network `changes` alone.
set -euo pipefail
options=/tmp/connect.properties
kafka=$KAFKA_HOST:$KAFKA_PORT
case $KAFKA_HOST in 127.0.0.1 | localhost | ::1) kafka=kafka.events:19092 ;; esac
{
  cat /etc/storeline/connect.properties
  echo "bootstrap.servers=$kafka"
  echo "listeners=http://connect.changes:8083"
  echo "producer.max.request.size=$KAFKA_CHANGE_MAX_BYTES"
  echo "producer.buffer.memory=$KAFKA_CHANGE_MAX_BYTES"
} >"$options"
exec java -Xms128m "-Xmx$CONNECT_HEAP_MEMORY" -XX:+UseSerialGC \
  -Dlog4j2.configurationFile=/etc/storeline/log4j2.properties \
  -cp '/opt/storeline/connect/*' org.apache.kafka.connect.cli.ConnectDistributed "$options"
