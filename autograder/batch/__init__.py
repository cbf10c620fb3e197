"""A class at once: find its submissions, queue them, grade them on this machine or on a Ray cluster."""
