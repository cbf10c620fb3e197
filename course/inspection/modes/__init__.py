"""Train mode and test mode must be one function, apart from what the usual layers do.

`graphs` compares the two captured graphs node by node, `training_noise` finds what is drawn at random in training only
and tries how strong it is, `switches` finds paths that training keeps shut and test mode opens.
"""
