"""JupyterHub as a person uses it: in a browser."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver

SECONDS = 180


@contextmanager
def chromium() -> Iterator[WebDriver]:
    """Yield a browser without a window; where there is none, the test is skipped."""
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in programs:
        pytest.skip("chromium and chromedriver are not on PATH: tests/compose/ensure_browser.sh says what to do")
    options = webdriver.ChromeOptions()
    options.binary_location = str(programs[0])
    # Root has no sandbox, and a container little shared memory.
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu", "window-size=1440,1000"):
        options.add_argument(f"--{argument}")
    driver = webdriver.Chrome(options, webdriver.ChromeService(str(programs[1])))
    try:
        yield driver
    finally:
        driver.quit()


class Hub:
    """The pages of JupyterHub in a browser. Every wait ends the test when it takes too long."""

    def __init__(self, driver: WebDriver, port: int, user: str) -> None:
        self.driver, self.root, self.user = driver, f"http://127.0.0.1:{port}", user

    def log_in(self, user: str, password: str) -> None:
        """Fill in the form of the first page and send it."""
        self.driver.get(f"{self.root}/hub/login")
        for name, value in (("username", user), ("password", password)):
            self.driver.find_element(By.NAME, name).send_keys(value)
        self.driver.find_element(By.NAME, "password").send_keys(Keys.ENTER)

    def wait(self, what: str, is_reached: Callable[[], Any], seconds: float = SECONDS) -> Any:
        """Return what is true at last."""
        deadline = time.monotonic() + seconds
        while not (found := is_reached()):
            assert time.monotonic() < deadline, f"{what}: not after {seconds} s at {self.driver.current_url}"
            time.sleep(0.5)
        return found

    def find(self, selector: str) -> list[Any]:
        """Return the elements of the page that a CSS selector names."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def fetch(self, path: str, put: Any = None) -> Any:
        """Return what the user's server answers to its page, whose cookies and token go along."""
        is_ok, answer = self._call(path, put)
        assert is_ok, answer
        return answer

    def _call(self, path: str, put: Any = None) -> tuple[bool, Any]:
        script = """
            const [path, put, done] = arguments, token = document.cookie.match(/_xsrf=([^;]*)/)[1]
            const options = put ? {method: 'PUT', body: JSON.stringify(put)} : {}
            fetch(path, {...options, headers: {'X-XSRFToken': token}})
                .then(async answer => done([answer.ok, await answer.json()]))
                .catch(error => done([false, String(error)]))
        """
        is_ok, answer = self.driver.execute_async_script(script, f"/user/{self.user}/api/{path}", put)
        return is_ok, answer

    def open(self, notebook: str) -> None:
        """Go to a notebook's page and wait for its kernel and its cells.

        A page that is open already gets no other kernel when its own has been idle for too long: it is loaded again.
        """
        address = f"{self.root}/user/{self.user}/lab/tree/{notebook}"
        if self.driver.current_url != address or not self.is_idle(notebook):
            self.driver.get(address)
        self.wait("its cells", lambda: self.find(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell"))
        self.wait("its kernel", lambda: self.is_idle(notebook))

    def is_idle(self, notebook: str) -> bool:
        """Tell whether a notebook's kernel is there and does nothing."""
        kernels = [one["kernel"] for one in self.fetch("sessions") if one["path"] == notebook]
        return any(one["execution_state"] == "idle" and one["connections"] for one in kernels)

    def choose(self, menu: str, command: str) -> None:
        """Open one of the menus above and click on what it offers."""
        title = f"//div[contains(@class, 'lm-MenuBar-itemLabel') and text()='{menu}']"
        self.driver.find_element(By.XPATH, title).click()
        self.wait(f"the menu {menu}", lambda: self.find(f"li[data-command='{command}']"))[0].click()

    def outputs(self, notebook: str) -> list[dict[str, Any]]:
        """Return what the cells of a saved notebook have answered; nothing while the file is being written."""
        is_ok, answer = self._call(f"contents/{notebook}?type=notebook")
        return [output for cell in answer["content"]["cells"] for output in cell.get("outputs", [])] if is_ok else []
