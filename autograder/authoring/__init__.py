"""For whoever writes lessons: release/ and solutions/ from source/, calibration of limits, previews."""
