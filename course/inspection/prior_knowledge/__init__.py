"""Nothing was stored beforehand: neither in initial weights, nor in how they are made, nor in options and schedules."""
