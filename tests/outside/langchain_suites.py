"""Runs LangChain's own tests with boildown added to every agent and every compressor they build.

    python tests/outside/langchain_suites.py [FOLDER]

Fetches the source distributions of the installed langchain and langchain-classic, and what their tests need, from the
package index into FOLDER (a temporary one by default); boildown with the extra [test] must be installed. Some of those
tests fail by themselves, so each suite also runs without boildown, and what counts is that no other test fails. Persist
mode adds a tool to each agent, which tests that list an agent's tools notice; it is held against an empty middleware
with such a tool.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
NEEDED = ["syrupy>=5,<6", "blockbuster>=1.5.26,<1.6", "forbiddenfruit", "pytest-mock", "toml"]
AGENTS = "tests/unit_tests/agents/middleware"
COMPRESSORS = "tests/unit_tests/retrievers/document_compressors"
SKIPPED = ["test_model_fallback.py", "test_shell_tool.py", "test_shell_execution_policies.py", "test_file_search.py"]
"""They need a provider's package, a shell or ripgrep."""


def main(folder: Path) -> int:
    """Returns 1 if boildown makes a test fail, else 0."""
    pip("install", "--no-deps", "--target", str(folder / "needed"), *NEEDED)
    langchain, classic = fetch("langchain", folder), fetch("langchain-classic", folder)
    ignored = [f"--ignore={AGENTS}/implementations/{name}" for name in SKIPPED]
    runs = [
        (langchain, [AGENTS, *ignored], "", "view"),
        (langchain, [AGENTS, *ignored], "empty", "persist"),
        (classic, [COMPRESSORS], "", "view"),
    ]
    broken = 0
    for source, arguments, without, kind in runs:
        passed, before = run(source, arguments, without, folder)
        passed_with, after = run(source, arguments, kind, folder)
        new = sorted(after - before)
        print(
            f"{source.name}, {kind}: {passed} passed before, {passed_with} with boildown, {len(before)} failed before"
        )
        print("".join(f"  NEW FAILURE {test}\n" for test in new), end="")
        broken += len(new) + (passed_with == 0)
    return int(broken > 0)


def run(source: Path, arguments: list[str], kind: str, folder: Path) -> tuple[int, set[str]]:
    """How many tests passed, and the names of those that did not."""
    environment = {**os.environ, "BOILDOWN_MIDDLEWARE": kind}
    paths = [str(HERE), str(folder / "needed"), os.environ.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    own = ["-q", "--tb=no", "-p", "no:cacheprovider", "-o", "addopts=", "-o", "asyncio_mode=auto", "-rfE"]
    command = [sys.executable, "-m", "pytest", *arguments, *own, "-p", "langchain_plugin"]
    output = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True).stdout
    passed = re.search(r"(\d+) passed", output)
    if passed is None:
        print(output[-3000:])
    return int(passed[1]) if passed else 0, set(re.findall(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE))


def fetch(name: str, folder: Path) -> Path:
    """The unpacked source distribution of the installed version."""
    release = f"{name}=={version(name)}"
    pip("download", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), release)
    [archive] = folder.glob(f"{name.replace('-', '[-_]')}-{version(name)}.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", arguments[0], "--quiet", *arguments[1:]], check=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(main(Path(sys.argv[1]).resolve()))
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(main(Path(temporary)))
