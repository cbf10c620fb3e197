"""What a GPU does with this course, in one command that needs nothing but the machine.

    python -m autograder.bench.gpu --minutes 8 --out DIR

`stages` has the order and keeps each number in a file as soon as it is known. What is measured: `numerics` (right,
repeatable, without waiting), `grading` (in full, by the grader's own processes), `throughput` (each way a step can run,
alone and several at once) and `accuracies` (seed by seed, beside a CPU's). `setting` has what all of them need.
"""
