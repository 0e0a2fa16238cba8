#!/bin/bash
# Start the broker, which is its own controller: one listener for containers, one for the host.
set -euo pipefail
data=/var/lib/kafka/data
options=/tmp/server.properties
# Kafka's launcher would write hourly log files and one of the garbage collector; the container's log is enough.
export LOG_DIR=/tmp KAFKA_LOG4J_OPTS=-Dlog4j2.configurationFile=/etc/storeline/log4j2.properties
export EXTRA_ARGS='-name kafkaServer'
{
  cat /etc/storeline/server.properties
  echo "log.dirs=$data"
  echo "message.max.bytes=$CHANGE_MAX_BYTES"
  echo "listeners=INSIDE://:19092,HOST://:9092,CONTROLLER://127.0.0.1:9093"
  # Advertise the address that clients on the host see.
  echo "advertised.listeners=INSIDE://kafka.events:19092,HOST://$HOST_ADDRESS"
  echo "listener.security.protocol.map=INSIDE:PLAINTEXT,HOST:PLAINTEXT,CONTROLLER:PLAINTEXT"
  echo "inter.broker.listener.name=INSIDE"
  echo "controller.quorum.voters=1@127.0.0.1:9093"
} >"$options"
if [[ ! -e $data/meta.properties ]]; then
  # Sixteen random bytes in the alphabet of a cluster id.
  id=$(head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | cut -c 1-22)
  KAFKA_HEAP_OPTS=-Xmx128m /opt/kafka/bin/kafka-storage.sh format --cluster-id "$id" --config "$options"
fi
exec /opt/kafka/bin/kafka-server-start.sh "$options"
