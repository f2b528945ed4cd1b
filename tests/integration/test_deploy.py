# SPDX-License-Identifier: Apache-2.0
"""What deploy/ carries for systemd and containers, checked without either: by systemd's own checker, and by what the
executable understands and needs."""

import re
import shlex
import shutil
import subprocess

import pytest
import yaml

from viva_platform import ROOT, binary, clean_environment

DEPLOY = ROOT / "deploy"
LIMIT_S = 120


def help_of(words):
    """What `viva WORDS --help` says; fails where it does not understand the words."""
    done = subprocess.run([binary(), *words, "--help"], env=clean_environment(), capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def variables_of(words):
    return set(re.findall(r"\[(VIVA_[A-Z_]+)\]", help_of(words)))


def test_systemd_has_nothing_to_say_against_the_units(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    units = []
    for source, name in (("viva-up.service", "viva-up.service"), ("viva@.service", "viva@emotion.service"), ("viva.target", "viva.target")):
        text = (DEPLOY / "systemd" / source).read_text()
        (tmp_path / name).write_text(text.replace("/usr/local/bin/viva", str(binary())))
        units.append(tmp_path / name)
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0 and done.stdout == done.stderr == "", done


@pytest.mark.parametrize("unit", ["viva-up.service", "viva@.service"])
def test_a_unit_starts_what_the_executable_knows(unit):
    text = (DEPLOY / "systemd" / unit).read_text()
    (command,) = re.findall(r"^ExecStart=/usr/local/bin/viva (.*)$", text, re.M)
    for service in ("emotion", "gateway") if "%i" in command else ("",):
        known = variables_of(shlex.split(command.replace("%i", service)))
        (environment,) = re.findall(r"^Environment=(.*)$", text, re.M)
        assert {word.partition("=")[0] for word in environment.split()} <= known


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_containers_of_viva_are_told_only_what_they_know(compose):
    own = {name: service for name, service in compose["services"].items() if service["image"] == "viva"}
    assert set(own) == {"gateway", "interview", "emotion", "scoring", "worker", "nginx-config"}
    for name, service in own.items():
        command = service["entrypoint"]
        if command[:2] == ["sh", "-c"]:
            command = shlex.split(command[2].removeprefix("exec ").replace("$$(hostname -i)", "10.0.0.1"))
        assert command[:2] == ["viva", name]
        assert set(service["environment"]) <= variables_of(command[1:]), name


def test_what_containers_refer_to_is_there(compose):
    services = compose["services"]
    for name, service in services.items():
        for other, wanted in service.get("depends_on", {}).items():
            assert wanted["condition"] == "service_healthy" and "healthcheck" in services[other], (name, other)
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in compose["volumes"], (name, volume)
        for word in service.get("entrypoint", []):
            if " " in word:
                script = word.replace("$$", "$")
                assert subprocess.run(["sh", "-n"], input=script, text=True, timeout=LIMIT_S).returncode == 0, name
    asked = set(re.findall(r"\$\{([A-Z_]+):\?\}", (DEPLOY / "compose.yaml").read_text()))
    given = set(re.findall(r"^([A-Z_]+)=", (DEPLOY / "compose.env.example").read_text(), re.M))
    assert asked == given


def needed_libraries():
    listed = subprocess.run(["readelf", "-d", binary()], check=True, capture_output=True, text=True, timeout=LIMIT_S).stdout
    return re.findall(r"\(NEEDED\).*\[(.+)\]", listed)


def test_the_image_has_the_libraries_that_the_executable_needs():
    text = (DEPLOY / "Dockerfile").read_text()
    # The sanitizers' are of this build only; libc comes with the base image.
    elsewhere = re.compile(r"lib(asan|ubsan|m|c)\.so|ld-linux")
    libraries = [name for name in needed_libraries() if not elsewhere.match(name)]
    assert len(libraries) > 10
    found = subprocess.run(["dpkg-query", "-S", *libraries], capture_output=True, text=True, timeout=LIMIT_S).stdout
    installed = with_dependencies(re.findall(r"(?<![\w./-])[a-z0-9][a-z0-9.+-]+", text.partition("FROM debian:12-slim")[2]))
    for library in libraries:
        packages = {line.partition(":")[0] for line in found.splitlines() if line.endswith("/" + library)}
        assert packages, f"no package has {library}"
        assert packages & installed, f"the image lacks {packages} for {library}"
    (command,) = re.findall(r"^CMD (.*)$", text, re.M)
    help_of(yaml.safe_load(command))


def with_dependencies(words):
    """Those of the words that are packages, and what they depend on directly."""
    shown = subprocess.run(["dpkg-query", "-W", "-f", "${Package}, ${Depends}, ", *words], capture_output=True, text=True,
                           timeout=LIMIT_S).stdout
    return {entry.split()[0].partition(":")[0] for entry in shown.split(", ") if entry}
