"""A small world of a virtual switch, uplinks and a network, which writes cases with a known cause.

It shares no code and no notion of evidence with the product: every frame here has a cause (who sent
it, where the switches flooded it, what dropped it), and every expectation is written by hand.
"""
