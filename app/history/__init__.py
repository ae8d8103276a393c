"""Remember it: the durable record of every export, and the work that is not finished."""
