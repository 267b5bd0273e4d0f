"""DynamoDB through PynamoDB: client, tables, indexes, transactions and paged lists. Knows no domain."""
