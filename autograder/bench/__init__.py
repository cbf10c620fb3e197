"""How fast grading is on this machine: `make bench`. Ratios within one run of it, each with n, median and range.

`speed` compares the published training loop with the grader's, each in processes of their own (`loops`), and
`step_profile` divides the time of a training step into its parts. `isolation` measures what the sandbox adds to the
capture of a recipe. `record` has the file that is kept, and `chart` draws it.
"""
