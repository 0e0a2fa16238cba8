"""The databases and Kafka: the only files that know a dialect."""
