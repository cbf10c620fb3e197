"""`autograder init`: a course of nbgrader's in a folder, from the package alone, and how it comes up to date later.

`packaged` has the files of this version, `written` remembers by hash what was written, `differences` compares the two
with what is there, `making` writes and tells, and `releasing` lets nbgrader release the lessons.
"""
