"""The databases and Kafka: how to log in, and what is specific to each."""
