"""`python -m boildown`."""

from boildown.cli import main

raise SystemExit(main())
