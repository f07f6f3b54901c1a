"""Make the pictures of the documentation from a running dashboard.

    python tests/page/pictures.py [http://127.0.0.1:8480 [docs/pictures]]

Writes dashboard.png (the Live page) and, where there is a finished session, session.png. What is shown is what runs:
start `kinestream demo` first and let the wearer be calibrated.
"""

import argparse
import asyncio
import shutil
from pathlib import Path

from playwright.async_api import Page, async_playwright

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
SIZE = {"width": 1280, "height": 860}
HISTORY_S = 10.5
"""So long must angles flow until the traces are full."""


async def main(address: str, folder: Path, scheme: str, patience_s: float) -> None:
    """Take the pictures."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        context = await browser.new_context(viewport=SIZE, device_scale_factor=1.5, color_scheme=scheme, locale="en-GB")
        page = await context.new_page()
        await live(page, address, patience_s * 1000)
        await page.screenshot(path=folder / "dashboard.png")
        if await session(page, address):
            await page.screenshot(path=folder / "session.png")
        await browser.close()


async def live(page: Page, address: str, patience_ms: float) -> None:
    """Open the Live page and wait until joint angles have filled the traces."""
    await page.goto(address)
    await page.wait_for_function(
        "() => /\\d/.test(document.querySelector('.reading-now')?.textContent ?? '')", timeout=patience_ms
    )
    await asyncio.sleep(HISTORY_S)


async def session(page: Page, address: str) -> bool:
    """Open the newest finished session; False if there is none."""
    await page.goto(f"{address}/#/sessions")
    await page.locator(".page-head .hint").filter(has_text="session").wait_for()
    done = page.locator("tr", has=page.locator('[data-state="complete"]')).first.get_by_role("link")
    if not await done.count():
        return False
    await done.click()
    await page.locator(".plot canvas").first.wait_for()
    await asyncio.sleep(2)
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", nargs="?", default="http://127.0.0.1:8480", help="where the dashboard is")
    parser.add_argument("folder", nargs="?", type=Path, default=PICTURES, help="where the pictures go")
    parser.add_argument("--scheme", choices=("light", "dark"), default="light")
    parser.add_argument("--patience", type=float, default=60.0, help="wait for joint angles at most so long [s]")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(given.address.rstrip("/"), given.folder, given.scheme, given.patience))
