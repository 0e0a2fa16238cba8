"""The weekly sales: generated, checked, cleaned, loaded, analysed and sent to ClickHouse, one run date at a time."""
