"""The file with the process id of the running server, which `manage.py drain` reads.

The server keeps the file locked, so that a file left over from a crash is told from one in use: a second
server neither overwrites nor deletes the first one's, and no signal goes to a process that has the same
id by chance. The default file is in the temporary folder, where others may put a symbolic link or a file
of their own: neither is used.
"""

import contextlib
import errno
import fcntl
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)


class PIDFileError(Exception):
    """The file names another running server, or none; the message says which."""


@contextlib.contextmanager
def written_pid_file(file: Path) -> Iterator[None]:
    """Write the process id into the file, lock it, and delete it at the end.

    A file that can't be written is logged; the server runs without.

    Raises:
        PIDFileError: another running server uses it.

    """
    descriptor = None
    try:
        descriptor = _open_locked(file)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
    except OSError as error:
        logger.warning("no PID file", extra={"file": str(file), "error": _describe(error)})
    try:
        yield
    finally:
        if descriptor is not None:
            with contextlib.suppress(OSError):
                if _is_same_file(file, descriptor):
                    file.unlink()
            os.close(descriptor)


def running_server_pid(file: Path) -> int:
    """Return the process id of the server that has written the file and is running.

    Raises:
        PIDFileError: there is none.

    """
    none = PIDFileError(f"No server runs here: {file} names none.")
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        raise none from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or os.geteuid() not in {status.st_uid, 0}:
            raise PIDFileError(f"{file} is not used: it belongs to somebody else.")
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            raise none
        return int(os.read(descriptor, 32))
    except (OSError, ValueError):
        raise none from None
    finally:
        os.close(descriptor)


def _open_locked(file: Path) -> int:
    """Return a locked descriptor of the file.

    Raises:
        PIDFileError: another process has locked it.
        OSError: it can't be opened, is a symbolic link, or belongs to another user.

    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    while True:
        descriptor = os.open(file, flags, 0o644)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
                raise PermissionError(errno.EPERM, "it is no file of this user")
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_same_file(file, descriptor):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise PIDFileError(
                f"PID_FILE: {file} is used by the running server {_read_pid(file)}"
            ) from None
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the server before deleted it meanwhile: open a new one


def _is_same_file(file: Path, descriptor: int) -> bool:
    try:
        found, opened = file.stat(follow_symlinks=False), os.fstat(descriptor)
    except FileNotFoundError:
        return False
    return os.path.samestat(found, opened)


def _read_pid(file: Path) -> str:
    with contextlib.suppress(OSError):
        return file.read_text(encoding="ascii", errors="replace")[:20]
    return ""


def _describe(error: OSError) -> str:
    return "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror or str(error)
