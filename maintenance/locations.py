"""Where backups are: a folder of this machine, or a prefix of an S3 bucket."""

import shutil
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError
from django.conf import settings

from maintenance.errors import MaintenanceError

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600


class LocationError(MaintenanceError):
    """A location can't be used; the text is for operators."""


class Location(Protocol):
    """A place that holds files and further places."""

    url: str
    """What names it on the command line."""

    def child(self, name: str) -> "Location":
        """Return the place of this name within this one, whether it exists or not."""

    def names(self) -> list[str]:
        """Return the names of all files and places in it; an empty list if it doesn't exist."""

    def upload(self, file: Path, name: str) -> None:
        """Store a copy of a file of this machine under a name."""

    def download(self, name: str, file: Path) -> None:
        """Write the file of this name to a file of this machine.

        Raises:
            LocationError: there is no such file.

        """


class LocalFolder:
    """A folder of this machine, which only its owner may read: backups contain personal data."""

    def __init__(self, path: Path) -> None:
        self.url = str(path)
        self._path = path

    def child(self, name: str) -> Location:
        """Return a folder in this one."""
        return LocalFolder(self._path / name)

    def names(self) -> list[str]:
        """Return what is in the folder."""
        return sorted(each.name for each in self._path.iterdir()) if self._path.is_dir() else []

    def upload(self, file: Path, name: str) -> None:
        """Copy a file into the folder, under its name only once it is complete."""
        try:
            self._path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            partial = self._path / f".{name}.partial"
            shutil.copyfile(file, partial)
            partial.chmod(PRIVATE_FILE)
            partial.replace(self._path / name)
        except OSError as error:
            raise LocationError(
                f"{self._path / name} can't be written: {error.strerror}"
            ) from error

    def download(self, name: str, file: Path) -> None:
        """Copy a file out of the folder."""
        try:
            shutil.copyfile(self._path / name, file)
        except OSError as error:
            raise LocationError(f"{self._path / name}: {error.strerror}") from error


class S3Prefix:
    """A prefix of a bucket. The bucket encrypts; `kms_key` overrides its key."""

    def __init__(self, bucket: str, prefix: str, *, kms_key: str | None, client: Any) -> None:
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self._bucket, self._prefix, self._kms_key, self._client = bucket, prefix, kms_key, client

    def child(self, name: str) -> Location:
        """Return a prefix in this one."""
        return S3Prefix(self._bucket, self._key(name), kms_key=self._kms_key, client=self._client)

    def names(self) -> list[str]:
        """Return the names below the prefix up to the next slash."""
        prefix = self._key("")
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, Delimiter="/"
        )
        return sorted(
            key.removeprefix(prefix).rstrip("/")
            for page in pages
            for key in (
                *(each["Key"] for each in page.get("Contents", [])),
                *(each["Prefix"] for each in page.get("CommonPrefixes", [])),
            )
        )

    def upload(self, file: Path, name: str) -> None:
        """Upload a file, in parts if it is large."""
        key = self._kms_key
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
        self._client.upload_file(
            str(file), self._bucket, self._key(name), ExtraArgs=encryption or None
        )

    def download(self, name: str, file: Path) -> None:
        """Download a file."""
        try:
            self._client.download_file(self._bucket, self._key(name), str(file))
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"404", "NoSuchKey"}:
                raise
            raise LocationError(f"{self.url}/{name}: there is no such object") from error

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name


def location_at(text: str, *, kms_key: str | None = None) -> Location:
    """Return the location that `text` names: a path, or s3://bucket/prefix.

    Raises:
        LocationError: it names another service, or no bucket.

    """
    parts = urlsplit(text)
    if not parts.scheme:
        return LocalFolder(Path(text).expanduser().absolute())
    if parts.scheme != "s3" or not parts.netloc:
        raise LocationError(f"{text} is neither a folder nor s3://bucket/prefix.")
    client = boto3.client("s3", region_name=settings.AWS_REGION)
    return S3Prefix(parts.netloc, parts.path.strip("/"), kms_key=kms_key, client=client)
