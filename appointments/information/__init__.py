"""What the business answers about itself: insurance, address, preparation for studies.

Staff write entries in the admin; the assistant finds those that fit a question and names them.

- `domain`: an entry, and the words of a question that count. Pure.
- `search`: which entries fit a question: SQLite's full-text search, in memory.
- `models`, `repository`: how entries are stored, in the appointments table.
- `services`: the operations.
"""
