"""What counts: of a student's attempts one, and of an attempt's verdicts one.

attempt_rule     the last or the best attempt, as the rules say
valid_verdicts   the newest verdict that no regrade which was taken back has made
regrades         new verdicts for many attempts at once, and the way back
attempt_history  all verdicts of an attempt, with what they rest on
"""
