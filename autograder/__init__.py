"""The grader of Under 8k: it trains every submission itself and judges it. Layers import downwards only:

    cli, authoring, bench                                     what people run
    gradebook                                                 all that a course has of its students, side by side
    batch, leaderboard, nbgrader_plugins, calibration         a class, its pages and its points; calibrated limits
    grading                                                   one submission, from its file to its verdict
    store                                                     results, epoch by epoch, in a database
    workers                                                   the processes that train, score and run a student's code
    sandbox                                                   isolation of those processes
    console, old_names                                        exit codes, errors, safe text; names of old configurations

Below all of them is the package `course`, which students import and which knows nothing of the grader.
"""

from autograder import old_names

old_names.install()
