"""The offline command line, run as a person runs it."""
