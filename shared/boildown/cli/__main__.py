"""`python -m boildown.cli`."""

from boildown.cli import main

raise SystemExit(main())
