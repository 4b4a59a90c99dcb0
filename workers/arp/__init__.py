"""The core: facts and captured frames in, a verdict out; no I/O and no clock."""
