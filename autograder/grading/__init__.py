"""One submission: from its file to its verdict.

options         how to grade
submission      file -> source of the recipe
recipe_sandbox  source -> spec -> inspection, in sandboxed processes
pipeline        all of it in order: refuse, train, judge
training_run    one training, in a trainer process and a scorer process
seeds           the seed of each run
recorder        what a store keeps of it: attempt, runs, verdict
attempts        which file is whose attempt, and what identifies a run
"""
