"""The weekly sales: generated, checked, cleaned, loaded, analysed and handed to ClickHouse, one run date at a time."""
