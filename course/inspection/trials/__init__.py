"""What is tried out without data: images that look like digits, and the first steps of a training on them."""
