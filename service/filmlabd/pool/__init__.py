"""Workers: processes that do one job at a time, and who looks after them."""
