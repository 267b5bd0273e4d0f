"""Debian's Chromium under Playwright, with a sound file for a microphone and no loudspeaker."""

import base64
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from playwright.async_api import BrowserContext, Page, Playwright, async_playwright

from tests.browser.sounds import Samples

LISTENER = Path(__file__).with_name("listen.js")
SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
FLAGS = [
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
]


def executable() -> str | None:
    """Return the path of a Chromium on this machine."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), None)


def _flags(microphone: str | None, *, allowed: bool) -> list[str]:
    flags = [*FLAGS, f"--use-fake-ui-for-media-stream{'' if allowed else '=deny'}"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")  # Chromium refuses to run as root with it
    if microphone is not None:
        flags.append(f"--use-file-for-fake-audio-capture={microphone}")
    return flags


async def _launch(
    playwright: Playwright, profile: str, microphone: str | None, *, allowed: bool
) -> BrowserContext:
    """Start a browser.

    Playwright's own headless flags choose a mode without sound, so we bring ours; only a
    persistent context lets us.
    """
    return await playwright.chromium.launch_persistent_context(
        profile,
        executable_path=executable(),
        headless=False,
        args=_flags(microphone, allowed=allowed),
        ignore_default_args=["--mute-audio", "--headless"],
        locale="es-AR",
        viewport={"width": 1280, "height": 800},
    )


@asynccontextmanager
async def chromium(
    microphone: Path | None = None, *, once: bool = False, allowed: bool = True
) -> AsyncIterator[BrowserContext]:
    """Run a browser whose microphone plays a WAV file, over and over or once, or may not be used."""
    sound = None if microphone is None else f"{microphone}{'%noloop' * once}"
    async with async_playwright() as playwright:
        with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            browser = await _launch(playwright, profile, sound, allowed=allowed)
            await browser.add_init_script(path=LISTENER)
            try:
                yield browser
            finally:
                await browser.close()


async def recording(page: Page, which: str = "heard") -> tuple[Samples, int]:
    """Return what was `heard` at the loudspeaker or `spoken` to the microphone, and its rate."""
    text = await page.evaluate("which => tests.recording(which)", which)
    rate_hz = await page.evaluate("tests.rateHz")
    return np.frombuffer(base64.b64decode(text), "<f4").astype(np.float64), int(rate_hz)


async def screenshot(page: Page, name: str) -> None:
    """Keep a picture to look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"{name}.png")
