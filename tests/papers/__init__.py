"""The papers that are made and not written: docs/verdicts.md, README's picture, messages to look at."""
