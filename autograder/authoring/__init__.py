"""For authors of lessons: everything that is generated. `python -m autograder.authoring --help` lists it.

`release` takes the solutions out, `solutions` executes the worked notebooks (with `solution_cache`, which reuses
finished trainings), and `preview` shows them as web pages. `calibrate` trains the lessons' own recipes, on which their
limits rest. `sequential_test` and `operators_page` write pages of docs/. `lessons` knows which lessons there are.
"""
