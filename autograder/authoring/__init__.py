"""For authors of lessons: everything that is generated from source/. `python -m autograder.authoring --help` lists it.

`release` takes the solutions out, `solutions` executes the worked notebooks (with `solution_cache`, which reuses
finished trainings), and `preview` shows them as web pages. `calibrate` trains the lessons' own recipes, on which their
limits rest, and `sequential_test` writes the page about the rule near the threshold. `lessons` knows which there are.
"""
