"""`python -m conformance`: see cli/."""

from conformance.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
