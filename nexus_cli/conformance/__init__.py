"""What every service must do, whatever it is written in: the service contract, as clauses that can be run."""
