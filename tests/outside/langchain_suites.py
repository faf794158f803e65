"""Runs LangChain's own tests with boildown added to every agent and every compressor they build.

    python tests/outside/langchain_suites.py [FOLDER]

Fetches the source distributions of the installed langchain and langchain-classic, and what their tests need, from the
package index into FOLDER (a temporary one by default), and says so and stops where it cannot; boildown with the extra
[test] must be installed. Some of those tests fail by themselves, so each suite also runs without boildown, and what
counts is that no other test fails. The middleware adds a tool to each agent, which tests that list an agent's tools
notice; so it is held against an empty middleware with such a tool.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
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
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            needed = pool.submit(pip, "install", "--no-deps", "--target", str(folder / "needed"), *NEEDED)
            langchain, classic = pool.map(fetch, ("langchain", "langchain-classic"), (folder, folder))
            needed.result()
        except subprocess.CalledProcessError as error:
            print(f"Skipped, since the package index did not give what is needed:\n{error.stderr[-500:]}")
            return 0
        agents = [AGENTS, *(f"--ignore={AGENTS}/implementations/{name}" for name in SKIPPED)]
        runs = [
            (langchain, agents, "empty", ["view", "persist"]),
            (classic, [COMPRESSORS], "", ["view"]),
        ]
        results = {
            (source, kind): pool.submit(run, source, arguments, kind, folder)
            for source, arguments, without, kinds in runs
            for kind in (without, *kinds)
        }
        broken = 0
        for source, _, without, kinds in runs:
            passed, before = results[source, without].result()
            for kind in kinds:
                passed_with, after = results[source, kind].result()
                new = sorted(after - before)
                if new:  # Some hold the clock against a short limit: what fails by chance passes alone.
                    new = sorted(run(source, new, kind, folder)[1])
                print(f"{source.name}, {kind}: {passed} passed and {len(before)} failed before; now {passed_with} pass")
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
    # The first patch releases of Python 3.10 and 3.11 know no filters.
    safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(archive) as packed:
        packed.extractall(folder, **safely)
    return folder / archive.name.removesuffix(".tar.gz")


def pip(*arguments: str) -> None:
    patience = ["--timeout", "15", "--retries", "1"]
    command = [sys.executable, "-m", "pip", arguments[0], "--quiet", *patience, *arguments[1:]]
    subprocess.run(command, check=True, capture_output=True, text=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(main(Path(sys.argv[1]).resolve()))
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(main(Path(temporary)))
