"""The processes that do the work of one grading, started by the supervisor (`grading`), which only passes messages on.

    process          runs                         sees                                  isolated
    recipe           the student's recipe         no data                               locked down, one per request
    trainer          the grader's training loop   training data, test images            bubblewrap, with the GPU
    scorer           the grader's scoring         test labels, outputs of the network   bubblewrap
    notebook_kernel  the student's notebook       MNIST                                 bubblewrap, locked down

`messages` defines what they send, and `client` is the supervisor's end. Only the scorer has the test labels while a
recipe is trained. Locked down means `sandbox.lockdown`; where bubblewrap does not work, trainer and scorer, which run
no code of the student's, are ordinary processes.
"""
