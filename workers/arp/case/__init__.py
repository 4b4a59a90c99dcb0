"""Turns ``case.json`` into a Case and back: one format for bundle, corpus and offline judging.

Law: the document is untrusted. Whatever it holds, ``read_case`` gives a Case or raises CaseError
with one sentence that names the place. Unknown keys are passed over, so that a newer writer that
only added keys stays readable.
"""
