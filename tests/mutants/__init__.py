"""Plants small defects, one at a time, and says which of them no test notices: `make mutants`."""
