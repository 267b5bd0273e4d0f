"""Maintenance of the stored data: backups, data migrations, diagnosis, import and sample data.

    tables            which tables there are, by labels
    progress          a progress bar for long commands
    commands          the base class of the commands, which protects AWS
    locations         where backups are: a folder, or S3
    backups           write, verify and restore a backup of all tables
    inspection/       pass through all items: statistics, and what is odd about them
    diagnosis         connection, permissions, keys and indexes; with an inspection
    exports           read records exported from the earlier system
    sample_data       make up many orders and appointments; seeding stores them
    data_migrations/  the migrations of stored data, a module each
    migrating         apply and undo them
    migration_run     one of them from start to end; integrity compares before and after
    rehearsal         apply and undo them on copies of the tables

Everything works on items as DynamoDB sends them (`common.dynamodb.bulk`), since an item that the models
can't read must still be backed up, found and corrected. The management commands here are the interface;
the scripts in `scripts/` start them.
"""
