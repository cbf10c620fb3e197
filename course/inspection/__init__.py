"""What can be known about a spec without training it.

    record            `Inspection`: what is found, as plain data
    checks            `inspect`: all checks together; each of the others is a part of it
    counting, tables  every number that the network can store or use
    cost, layers      what a training step costs; the layers with their receptive field
    trials, plan      the first steps of a training, tried out; the training in words
    modes, behaviour  test mode is the function that was trained, and each image is answered for itself
    prior_knowledge   nothing was stored beforehand

Import from the modules: who reads a record does not wait for PyTorch.
"""
