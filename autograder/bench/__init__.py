"""What things cost on this machine: `make bench`. Ratios within one run, each with n and spread."""
