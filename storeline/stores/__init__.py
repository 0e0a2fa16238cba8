"""The databases and Kafka: how one logs in there, and what each of them needs to be told in its own words."""
