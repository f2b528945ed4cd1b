# SPDX-License-Identifier: Apache-2.0
"""What holds for the tree as a whole."""
import hashlib
import pathlib
import re
import shutil
import subprocess

import pytest

import layering

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_dependencies_point_one_way_and_files_hold_one_idea():
    assert list(layering.violations()) == []


def test_sources_are_formatted():
    if not shutil.which("clang-format"):
        pytest.skip("clang-format is not installed")
    sources = layering.tracked("*.c", "*.h")
    result = subprocess.run(["clang-format", "--dry-run", "--Werror", *sources], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[:2000]


def test_links_between_documents_lead_somewhere():
    broken = []
    for document in layering.tracked("*.md"):
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", (ROOT / document).read_text()):
            if not (ROOT / document.parent / target).exists():
                broken.append(f"{document}: {target}")
    assert broken == []


@pytest.mark.parametrize("name", ["expression", "eye"])
def test_a_model_card_tells_of_the_weights_beside_it(name):
    weights = (ROOT / "models" / f"{name}.npz").read_bytes()
    assert hashlib.sha256(weights).hexdigest() in (ROOT / "models" / f"{name}.md").read_text()
    assert len(weights) < 1_000_000


def test_each_command_that_help_names_exists_in_dev():
    script = (ROOT / "dev").read_text()
    named = re.findall(r"^  ([a-z]+)\b", subprocess.run(["./dev", "help"], cwd=ROOT, check=True, capture_output=True,
                                                        text=True).stdout, re.M)
    assert named and [name for name in named if not re.search(rf"^{name}[ )|]", script, re.M)] == []
