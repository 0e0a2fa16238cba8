"""The event stream from Kafka to PostgreSQL."""
