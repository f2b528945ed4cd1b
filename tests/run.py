#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the suites one after another and adds their counts up: `./dev test [SUITE…] [-k WORDS]`. Those that mostly wait
for the processes they start have several workers, each with a platform, servers, ports and folders of its own.

The last line is `N passed, N failed` (`, N skipped`). A suite that breaks without counting its failures counts as one.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "out" / "test-results"
SUPPRESSIONS = ROOT / "tests" / "suppressions"

ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0",
    "LSAN_OPTIONS": f"suppressions={SUPPRESSIONS}/lsan.supp:print_suppressions=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": f"suppressions={SUPPRESSIONS}/tsan.supp:halt_on_error=1:ignore_noninstrumented_modules=1",
}


def with_servers(command):
    """The command with a RabbitMQ and a PostgreSQL at its side; without what is not installed: its tests say skipped."""
    sys.path.insert(0, str(ROOT / "tests" / "servers"))
    import postgres
    import rabbitmq
    for server in (rabbitmq, postgres):
        try:
            server.installation()
        except server.Unavailable:
            continue
        command = [sys.executable, server.__file__, "--", *command]
    return command


def meson_suite(name, build, selection, wrap=lambda command: command):
    """A step that runs meson's tests of one build and reads their JUnit file."""
    def run(words):
        log = f"{name}-log"
        command = ["meson", "test", "-C", str(ROOT / build), "--no-rebuild", "--print-errorlogs", "--num-processes", "2",
                   "--timeout-multiplier", "12",  # of 30 s: sanitizers, and machines that have much else to do
                   "--logbase", log, *selection]
        status = subprocess.run(wrap(command), env={**os.environ, **ENVIRONMENT}).returncode
        return status, ROOT / build / "meson-logs" / f"{log}.junit.xml"
    return run


def pytest_suite(name, folder, environment=None, workers=()):
    """A step that runs pytest over one folder, with pytest-xdist's options in `workers`."""
    def run(words):
        report = RESULTS / f"{name}.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", f"--junitxml={report}", *workers,
                   str(ROOT / folder)]
        if words:
            command += ["-k", words]
        variables = {**os.environ, **ENVIRONMENT, **(environment or {}), "PYTHONDONTWRITEBYTECODE": "1"}
        status = subprocess.run(command, env=variables, cwd=ROOT).returncode
        return (0 if status == 5 and words else status), report  # 5: no test has those words
    return run


CHECKED = {"VIVA_BINARY": str(ROOT / "build-asan" / "viva"), "VIVA_BUILD": str(ROOT / "build-asan")}
SUITES = {
    "structure": pytest_suite("structure", "tests/structure"),
    "unit": meson_suite("unit", "build-asan", ["--suite", "unit"]),
    "contract": meson_suite("contract", "build-asan", ["--suite", "contract"], with_servers),
    "fuzz": meson_suite("fuzz", "build-asan", ["--suite", "fuzz"]),
    "thread": meson_suite("thread", "build-tsan", ["--suite", "unit", "--suite", "contract"], with_servers),
    # Three files at a time, in the order that conftest.py gives them.
    "integration": pytest_suite("integration", "tests/integration", CHECKED,
                                ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]),
    # Both buses at a time.
    "events": pytest_suite("events", "tests/events", CHECKED, ["-n", "2"]),
    "demo": pytest_suite("demo", "tests/demo", {"VIVA_BINARY": str(ROOT / "build" / "viva")}),
}


def count(report):
    """(passed, failed, skipped) of a JUnit file; zeros when there is none."""
    if not report.exists():
        return 0, 0, 0
    passed = failed = skipped = 0
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def main():
    parser = argparse.ArgumentParser(prog="./dev test")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=" ".join(SUITES))
    parser.add_argument("-k", dest="words", help="only pytest tests whose names hold these words")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.suites if name not in SUITES]
    if unknown:
        parser.error(f"unknown suite {unknown[0]!r}; there are: {' '.join(SUITES)}")

    RESULTS.mkdir(parents=True, exist_ok=True)
    total = [0, 0, 0]
    lines = []
    for name in arguments.suites or SUITES:
        print(f"\n=== {name}", flush=True)
        began = time.monotonic()
        for stale in RESULTS.glob(f"{name}.xml"):
            stale.unlink()
        status, report = SUITES[name](arguments.words)
        counts = list(count(report))
        if status != 0 and counts[1] == 0:
            counts[1] = 1
        total = [a + b for a, b in zip(total, counts)]
        lines.append(f"{name:12} {counts[0]:5} passed {counts[1]:4} failed {counts[2]:4} skipped"
                     f" {time.monotonic() - began:6.0f} s")
    print("\n" + "\n".join(lines))
    print(f"{total[0]} passed, {total[1]} failed" + (f", {total[2]} skipped" if total[2] else ""))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
