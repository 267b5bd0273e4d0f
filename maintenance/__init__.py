"""Maintenance of the stored data: backups, data migrations, diagnosis, import and sample data.

    tables            which tables there are, by labels
    progress          a progress bar for long commands
    commands          the base class of the commands, which protects AWS
    locations         where backups are: a folder, or S3
    backups           write, verify and restore a backup of all tables

Everything works on items as DynamoDB sends them (`common.dynamodb.bulk`), since an item that the models
can't read must still be backed up, found and mended. The management commands here are the interface;
the scripts in `scripts/` start them.
"""
