"""Captures turned into exchanges: who asked whom at which point, and what came back where.

Captures ─► hearing (what each ear proves) ─► clock ─► traffic (one line of sightings)
─► pairing ─► conversation (the VM's own exchanges) and control (everybody else's)
"""
