"""DynamoDB: client, tables, transactions, indexes and paging. Knows no domain."""
