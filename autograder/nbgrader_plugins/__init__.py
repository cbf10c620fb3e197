"""What nbgrader calls: reading, restoring and running notebooks, the trained score, reports and exports."""
