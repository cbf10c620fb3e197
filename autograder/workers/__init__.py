"""The processes beside the supervisor, one module each: `locked` runs the student's code and sees no data, `trainer`
sees images and no test labels, `scorer` alone holds the test labels and sees nothing but outputs."""
