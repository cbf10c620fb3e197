"""What a verdict rests on, for a student or an examiner who disputes it.

    evidence = collect_evidence(store, "ada", settings=settings)   all that is kept, checked against the chain
    page(evidence, rerun)                                          the same as one page of HTML
    train_again(evidence.verdict, ...)                             the same runs anew, compared digit by digit

evidence  finds the student, the attempt and its verdict, and reads what they rest on
rerun     trains the runs of a verdict again, without the store, and compares
sections  the evidence in words and tables, for every way to show it
terminal  prints them
page      writes them as one page of HTML
"""
