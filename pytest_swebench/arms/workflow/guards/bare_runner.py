"""Runs one file of tests where there is no pytest, and reports as pytest does: exit code and JUnit XML.

Handed to the environment's own Python, which may be as old as 3.5, so nothing newer stands here. Finds unittest's
cases, functions `test*` and classes `Test*` with such methods. Usage: bare_runner.py FILE REPORT [collect].
"""

import importlib
import importlib.util
import inspect
import os
import sys
import traceback
import unittest
import xml.etree.ElementTree as ElementTree
from typing import Any, Callable  # noqa: UP035 - as old Pythons have it

PASSED, FAILED, BROKEN, NO_TESTS = 0, 1, 2, 5  # pytest's exit codes

_DJANGO_APPS = (
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sites",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
)


class Report:
    """Test cases in JUnit's form."""

    def __init__(self) -> None:
        self.suite = ElementTree.Element("testsuite", name="tests")
        self.found = 0
        self.bad = 0

    def add(self, name: str, outcome: str = "", text: str = "") -> None:
        """Note a test; `outcome` is empty where it passed, else failure, error or skipped."""
        self.found += 1
        case = ElementTree.SubElement(self.suite, "testcase", name=name)
        if outcome:
            clean = "".join(char for char in text if char in "\t\n" or " " <= char < "\ud800")
            last = clean.strip().splitlines()[-1:] or [""]
            ElementTree.SubElement(case, outcome, message=last[0]).text = clean
        if outcome in ("failure", "error"):
            self.bad += 1
            said = "\n".join((name, outcome.upper(), text))
            print(said.encode("ascii", "backslashreplace").decode())  # whatever the locale says

    def write(self, path: str) -> None:
        """Write the file."""
        ElementTree.ElementTree(self.suite).write(path, encoding="utf-8", xml_declaration=True)


class Listener(unittest.TestResult):
    """Passes on what unittest finds."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report

    def addSuccess(self, test: Any) -> None:
        self.report.add(test.id())

    def addFailure(self, test: Any, err: Any) -> None:
        self.report.add(test.id(), "failure", self._text(err))

    def addError(self, test: Any, err: Any) -> None:
        # like pytest: an exception in a test's body is a failure, one around it an error
        frames = [frame[2] for frame in traceback.extract_tb(err[2])]
        inside = getattr(test, "_testMethodName", "") in frames
        self.report.add(test.id(), "failure" if inside else "error", self._text(err))

    def addSkip(self, test: Any, reason: str) -> None:
        self.report.add(test.id(), "skipped", reason)

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self.report.add(test.id(), "skipped", "expected failure")

    def addUnexpectedSuccess(self, test: Any) -> None:
        self.report.add(test.id(), "failure", "unexpected success")

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self.report.add(subtest.id(), "failure", self._text(err))

    def _text(self, err: Any) -> str:
        return "".join(traceback.format_exception(*err))


class Plain(unittest.FunctionTestCase):
    """A function as a case, named by its name."""

    def __init__(self, name: str, call: Callable[[], Any], start: Any = None, end: Any = None) -> None:
        super().__init__(call, setUp=start, tearDown=end)
        self.name = name

    def id(self) -> str:
        return self.name


class Method:
    """A method of a class that is no case of unittest, with pytest's set-up around it."""

    def __init__(self, owner: Any, name: str) -> None:
        self.owner = owner
        self.name = name
        self.instance = None  # type: Any

    def start(self) -> None:
        """Make the instance and prepare it."""
        self.instance = self.owner()
        self.around("setup_method")

    def call(self) -> None:
        """Run the test."""
        getattr(self.instance, self.name)()

    def end(self) -> None:
        """Clean up."""
        self.around("teardown_method")

    def around(self, name: str) -> None:
        """Call `name` if it is there, with the test's method if it takes one."""
        function = getattr(self.instance, name, None)
        if function is not None:
            wanted = inspect.signature(function).parameters
            function(*[getattr(self.instance, self.name)][: len(wanted)])


def main(arguments: "list[str]") -> int:
    """Run, write the report and return the exit code."""
    path, target = arguments[0], arguments[1]
    report = Report()
    try:
        prepare_django(path)
        module = load(path)
        suite = unittest.defaultTestLoader.loadTestsFromModule(module)
        suite.addTests(plain(module))
    except (Exception, SystemExit):
        report.add(os.path.basename(path), "error", traceback.format_exc())
        report.write(target)
        return BROKEN
    if "collect" in arguments[2:]:
        return PASSED if suite.countTestCases() else NO_TESTS
    suite.run(Listener(report))
    report.write(target)
    if not report.found:
        return NO_TESTS
    return FAILED if report.bad else PASSED


def prepare_django(path: str) -> None:
    """Give tests of Django itself the settings and databases that its own runner would, unless they bring settings."""
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    own = "settings.configure" in text or "DJANGO_SETTINGS_MODULE" in text
    if own or not (os.path.isfile("tests/test_sqlite.py") and os.path.isdir("django")):
        return
    sys.path[:0] = [os.getcwd(), os.path.abspath("tests")]
    os.environ["DJANGO_SETTINGS_MODULE"] = "test_sqlite"
    settings = importlib.import_module("django.conf").settings
    settings.INSTALLED_APPS = list(_DJANGO_APPS)
    settings.SITE_ID = 1
    importlib.import_module("django").setup()
    runner = importlib.import_module("django.test.runner").DiscoverRunner(verbosity=0, interactive=False)
    runner.setup_test_environment()
    runner.setup_databases()


def load(path: str) -> Any:
    """Import the file by its path, with its folder in reach, as pytest does."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def plain(module: Any) -> "list[Plain]":
    """Return functions `test*`, and methods of classes `Test*` that are no cases of unittest, as cases."""
    cases = []
    for name, value in sorted(vars(module).items()):
        if name.startswith("test") and inspect.isfunction(value):
            cases.append(Plain(name, value, lambda value=value: without_fixtures(value)))
        elif name.startswith("Test") and inspect.isclass(value) and not issubclass(value, unittest.TestCase):
            for found in sorted(found for found in dir(value) if found.startswith("test")):
                method = Method(value, found)
                cases.append(Plain(name + "." + found, method.call, method.start, method.end))
    return cases


def without_fixtures(function: Any) -> None:
    """Raise TypeError for a test that wants what only pytest could give it."""
    if inspect.iscoroutinefunction(function):
        raise TypeError("there is no pytest here, so tests cannot be asynchronous")
    wanted = inspect.signature(function).parameters.values()
    if any(one.default is one.empty for one in wanted):
        names = ", ".join(one.name for one in wanted)
        raise TypeError("there is no pytest here, so tests cannot take fixtures: " + names)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
