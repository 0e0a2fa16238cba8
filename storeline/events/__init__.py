"""The stream of events from Kafka to PostgreSQL."""
