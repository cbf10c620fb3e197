"""Remarks on a recipe that refuse nothing: what wastes parameters or accuracy, why, and which lesson teaches it.

    network        what stands at its end, in front of its norms, and how far it sees
    images         normalisation, fill values, changes that labels do not bear
    optimization   rates, schedules, weight decay
    written        habits in the source that the grader does not take over

Each is true of the recipe at hand: a remark that might be wrong is left out.
"""
