"""`python -m boildown.benchmark TASK`: the process of its own in which a part of a row is measured."""

import json
import sys

from boildown.benchmark.processes import work
from boildown.benchmark.rows import Task
from boildown.errors import BoildownError

try:
    print(json.dumps(work(Task(**json.loads(sys.argv[1])))))
except BoildownError as error:
    raise SystemExit(f"boildown: {error}") from None
