"""The command `autograder`. `main` registers the commands, and each module is named after the commands that it holds.

    main           the group of all commands
    grade          grade, inspect
    batch          batch
    regrade        regrade
    leaderboard    leaderboard
    gradebook      audit, status
    store          explain, verify
    setup          data, doctor
    doctor         the checks of `autograder doctor`
    options        options that several commands share
    terminal       what one grading prints
    progress       what a batch prints

A module that needs PyTorch is imported inside the command that uses it, so that `--help` is quick.
"""
