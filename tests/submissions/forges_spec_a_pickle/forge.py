def forge(spec):
    return "cos\nsystem\n(S'touch /tmp/left_by_a_submission'\ntR."
