"""One submission: from its file to its verdict.

options          how to grade
plain_files      links, pipes and devices among what was handed in are told, and never followed or opened
large_notebooks  a notebook without its outputs, however large they are
read_submission  file -> source of the recipe
recipe_sandbox   source -> spec -> inspection, in sandboxed processes
pipeline         all of it in order: refuse, train, judge
training_run     one training, in a trainer process and a scorer process
draw_seed        the seed of each run
faults           whose fault it is when something of this breaks
recorder         what a store keeps of it: attempt, runs, verdict
attempts         which file is whose attempt, when it was handed in, and what identifies a run
unfinished       takes up an interrupted `nbgrader autograde`
times            reads every time that comes in, in any zone
"""
