"""What holds for every test: in CI nothing is skipped because a tool is missing, and nothing is left behind."""

import os
import signal
import tempfile
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# No test has a time limit of its own: the machine may be busy.
settings.register_profile(
    "filmlab", settings.get_profile(settings.get_current_profile_name()), deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.load_profile("filmlab")

FINE_EVERYWHERE = "only root"
"""How the reason begins of what cannot be tried as an ordinary user, whatever is installed."""


TEMPORARY_MOST = 24
"""Characters of a temporary directory below which each test has its own: a socket's path has at most 107, also of those
that Chromium and `multiprocessing` make."""


def pytest_configure() -> None:
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass  # whoever runs the tests may have closed it; a socket of a test must not come there
    os.close(descriptor)
    if len(tempfile.gettempdir()) > TEMPORARY_MOST:
        os.environ["TMPDIR"] = "/tmp"
        tempfile.tempdir = None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with a browser come last: once it is there, Playwright holds this thread's loop, and no other can run."""
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session", autouse=True)
def logs_of_sb3(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Stable-Baselines3 makes a directory for each `learn()`; by itself, next to all other temporary files."""
    os.environ["SB3_LOGDIR"] = str(tmp_path_factory.mktemp("sb3"))


@pytest.fixture(scope="session", autouse=True)
def ctrl_c() -> None:
    """Programs that the tests start can be ended by SIGINT, also when a shell runs the tests in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if os.environ.get("CI") == "true" and report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith(FINE_EVERYWHERE):
            report.outcome = "failed"
            report.longrepr = f"skipped, which is a failure in CI: {reason}"
    return report
