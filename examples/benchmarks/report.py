"""Writes the comparison page, and the numbers in the project's README, from the JSON files of results/.

    python examples/benchmarks/report.py            # rewrites README.md here, and the marked parts of the other one
    python examples/benchmarks/report.py --check    # changes nothing, and fails if they are not up to date

Whatever was not measured is named with the command that measures it. Goals that were missed, and comparisons that were
lost, come first.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from report_adaptive import adaptive
from report_quality import means, quality
from report_robustness import fuzzed, leaks
from report_scale import concurrency, corpus, langchain, pays, service, stored
from report_speed import alone, beside, limits, memory, selection
from report_tables import Results, missing

HERE = Path(__file__).parent
README = HERE.parents[1] / "README.md"
ON_A_GPU = "boildown bench --all --device cuda --out examples/benchmarks/results/cuda"
HEAD = """\
# How boildown compares

This page is made by `python examples/benchmarks/report.py` from the files in [results/](results/). On your machine,
`boildown bench --all` measures speed and memory, `boildown bench --list` says what, and each script beside this page
measures one part more.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fail if the pages are not up to date")
    arguments = parser.parse_args()
    made = {
        HERE / "README.md": page(HERE / "results"),
        README: with_numbers(README.read_text("utf-8"), HERE / "results"),
    }
    old = [str(path) for path, text in made.items() if not path.is_file() or path.read_text("utf-8") != text]
    if arguments.check and old:
        raise SystemExit(f"Not up to date: {', '.join(old)}. Run: python examples/benchmarks/report.py")
    for path, text in made.items():
        if str(path) in old:
            path.write_text(text, encoding="utf-8")
            print(f"written: {path}")


def page(folder: Path) -> str:
    """The whole page, from the results in `folder`."""
    results, gpu = Results(folder), Results(folder / "cuda")
    parts = [
        *quality(results),
        *["## Thresholds", "", *adaptive(results)],
        *["## Speed beside llmlingua, on identical weights", ""],
        "Both read the same texts with the same models, in turn, in one process. Weights are random.",
        *["", "### On a CPU", "", *beside("llmlingua", results, "CPU")],
        *["### On a GPU", "", *(beside("llmlingua", gpu, "GPU") if gpu.matching("*") else missing(ON_A_GPU))],
        *["## Speed beside sentence-transformers", "", *beside("sentence-transformers", results, "CPU")],
        *(["### On a GPU", "", *beside("sentence-transformers", gpu, "GPU")] if gpu.matching("*") else []),
        *["## Speed by itself", "", "### On a CPU", "", *alone(results, "CPU"), *limits(results)],
        *[*selection(results), *stored(results)],
        *(["### On a GPU", "", *alone(gpu, "GPU")] if gpu.matching("*") else []),
        *["## Memory", "", *memory(results, "CPU")],
        *["## Many requests at once", "", *concurrency(results), *langchain(results)],
        *["## The HTTP service", "", *service(results)],
        *["## Scoring a corpus at ingest", "", *corpus(results)],
        *["## Robustness", "", *fuzzed(results), *leaks(results)],
        *["## When it pays, and when not", "", *pays(results)],
    ]
    missed = [*results.missed, *gpu.missed]
    losses = ["## Losses first", "", *(f"- {entry}" for entry in missed), ""] if missed else []
    return "\n".join([HEAD, *losses, *parts]).rstrip() + "\n"


def with_numbers(readme: str, folder: Path) -> str:
    """The README with its table between `<!-- means:begin -->` and `<!-- means:end -->` made anew."""
    table = "\n".join(means(Results(folder)))
    pattern = re.compile(r"(<!-- means:begin -->\n).*?(<!-- means:end -->)", re.DOTALL)
    return pattern.sub(lambda match: f"{match[1]}{table}{match[2]}", readme)


if __name__ == "__main__":
    main()
